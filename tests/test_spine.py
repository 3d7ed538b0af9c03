"""The nine programs through the public API: default objective and sampler, and each named swap.

Every number is held against one that means something: a baseline that a person would try first, a
law that is known, or another library. The full recipes are measured by `benchmarks.results.spine`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import logsumexp

import dgmlang as dgm
from dgmlang.evaluate.two_sample import energy_distance
from tests.lower.statistics import ERRORS

EXAMPLES = Path(__file__).parents[1] / "examples"
WEIGHTS = Path(__file__).parents[2] / "shared" / "data" / "pydeep_rbm_bas2x2.npz"
SIGMA, RADIUS = 0.1, 2.0
LATTICES = {  # side, K → log Z by enumeration and transfer matrices
    (4, 0.4): 14.5610930238,
    (8, 0.3): 50.6093304982,
    (8, 0.4): 56.5993887604,
    (8, 0.5): 66.3445818792,
}


def load(name: str, **hypers: Any) -> dgm.Model:
    return dgm.load(EXAMPLES / f"{name}.dgm", **hypers)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1500 pictures to train on, 297 held out."""
    x = dgm.data("digits")["x"]
    order = np.random.default_rng(0).permutation(len(x))
    return x[order[:1500]], x[order[1500:]]


def independent(train: np.ndarray, test: np.ndarray) -> float:
    """The nats of a fresh dot picture under independent pixels, each with its smoothed mean."""
    p = (train.reshape(len(train), -1).sum(axis=0) + 1) / (len(train) + 2)
    q = test.reshape(len(test), -1)
    return -float((q * np.log(p) + (1 - q) * np.log1p(-p)).sum(axis=1).mean())


@cache
def ring(n: int, seed: int) -> np.ndarray:
    return dgm.data("8gaussians", n, seed=seed)["x"]


def centres() -> np.ndarray:
    angle = np.arange(8) * np.pi / 4
    return RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def log_ring(x: np.ndarray) -> np.ndarray:
    """The log density of `8gaussians`."""
    squares = ((x[:, None] - centres()) ** 2).sum(axis=2)
    return logsumexp(-squares / (2 * SIGMA**2), axis=1) - np.log(8 * 2 * np.pi * SIGMA**2)


def moons(x: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """The log density [n] and score [n, 2] of `moons` at noise σ, by quadrature over the angle."""
    angle = (np.arange(500) + 0.5) * np.pi / 500
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    means: np.ndarray = np.concatenate([upper, np.array([1, 0.5]) - upper])
    logits = -((x[:, None] - means) ** 2).sum(axis=2) / (2 * sigma**2)
    total = np.asarray(logsumexp(logits, axis=1))
    weights = np.exp(logits - total[:, None])
    return total - np.log(len(means) * 2 * np.pi * sigma**2), (weights @ means - x) / sigma**2


def shares(x: np.ndarray) -> np.ndarray:
    """The share of draws within 5σ of each mode."""
    apart = np.sqrt(((x[:, None] - centres()) ** 2).sum(axis=2))
    near = apart.min(axis=1) < 5 * SIGMA
    return np.bincount(apart.argmin(axis=1)[near], minlength=8) / len(x)


def total_variation(fitted: dgm.Fitted) -> float:
    """½ ∫ |p − truth| on a grid over [−12, 12]², p normalised there."""
    edge, n = 12.0, 400
    axis = (np.arange(n) + 0.5) * (2 * edge / n) - edge
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(np.float32)
    p, q = (np.exp(log - logsumexp(log)) for log in (-fitted.energy(points), log_ring(points)))
    return 0.5 * float(np.abs(p - q).sum())


def blob(n: int) -> np.ndarray:
    """Draws of the Gaussian with the moments of `8gaussians`: what a model without modes learns."""
    x = ring(2000, 1)
    return np.random.default_rng(0).normal(x.mean(axis=0), x.std(axis=0), (n, 2))


def distance(draws: np.ndarray) -> float:
    return float(energy_distance(np.asarray(draws), ring(1000, 1)).value)


# ── drawn ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("objective", [None, "iwae(k = 4)"])
def test_vae_beats_independent_pixels(objective: str | None) -> None:
    train, test = digits()
    fitted = load("vae", latents=8, hidden=[64]).fit(train, objective=objective, steps=1200)
    bound = fitted.log_prob(test, method="elbo(samples = 16)").mean()
    tighter = fitted.log_prob(test, method="iwae(k = 16)").mean()
    assert -float(bound) < independent(train, test) - 2.0
    assert float(tighter) > float(bound)
    assert fitted.sample(5).shape == (5, 8, 8)


def test_gmm_agrees_with_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture

    iris = dgm.data("iris")
    x, seen = iris["x"], (iris["x"] - iris["x"].mean(axis=0)) / iris["x"].std(axis=0)
    species = [seen[iris["y"] == k] for k in range(3)]
    start = {
        "weight": np.full(3, 1 / 3),
        "loc": np.stack([group.mean(axis=0) for group in species]),
        "scale": np.stack([group.std(axis=0) for group in species]),
    }
    peer = GaussianMixture(
        3, covariance_type="diag", tol=1e-9, max_iter=5000, reg_covar=0.0,
        weights_init=start["weight"], means_init=start["loc"], precisions_init=start["scale"] ** -2,
    ).fit(seen)  # fmt: skip
    # The program standardises; its densities are on the data's own scale.
    best = peer.score(seen) - np.log(x.std(axis=0)).sum()
    model = load("gmm", K=3)
    fitted = model.fit(x, init=start)
    assert float(fitted.log_prob(x).mean()) == pytest.approx(best, abs=1e-3)
    np.testing.assert_allclose(
        np.sort(fitted.params["weight"]), np.sort(np.asarray(peer.weights_)), atol=0.01
    )
    # The twin: a fit that was stopped early does not agree.
    early = model.fit(x, init=start, steps=5)
    assert float(early.log_prob(x).mean()) < best - 1e-3


def test_made_beats_independent_pixels() -> None:
    train, test = digits()
    fitted = load("made", d=64, hidden=[128]).fit(train, steps=1000)
    assert -float(fitted.log_prob(test).mean()) < independent(train, test) - 3.0
    draws = fitted.sample(500)
    # Frequencies of draws are those of the data, up to the model's error of a few hundredths.
    assert np.abs(draws.mean(axis=0) - train.mean(axis=0).ravel()).mean() < 0.04


# ── computed ─────────────────────────────────────────────────────────────────────────────────────


def test_realnvp_comes_close_to_the_entropy_and_not_below() -> None:
    x, test = dgm.data("moons", 10_000)["x"], dgm.data("moons", 2000, seed=1)["x"]
    fitted = load("realnvp").fit(x, steps=2000)
    excess = moons(test, 0.05)[0] - np.asarray(fitted.log_prob(test))
    error = excess.std() / np.sqrt(len(excess))
    assert -ERRORS * error < excess.mean() < 0.15
    assert float(energy_distance(fitted.sample(1000), test[:1000]).value) < 0.01


@pytest.mark.parametrize("objective", ["ssm", "dsm(sigma = 0.2)"])
def test_realnvp_matches_scores(objective: str) -> None:
    """Both learn the blurred moons: `dsm` blurs them itself. Held against a Gaussian's score.

    A flow's score is steep where two folds meet, and a few points there carry much of the mean. So
    the rate falls to nothing, since what noise the last steps leave shows there most (at a constant
    rate single trainings come out between 0.25 and 0.7), and the mean of three trainings is held.
    """
    rng = np.random.default_rng(0)
    x, test = (dgm.data("moons", 8000, seed=seed)["x"] for seed in (0, 1))
    blurred, at = ((data + rng.normal(0, 0.2, data.shape)).astype(np.float32) for data in (x, test))
    data = blurred if objective == "ssm" else x
    model = load("realnvp", layers=6)
    decayed = {"optimizer": "adam(cosine_decay_schedule(1e-3, 1500))", "steps": 1500}
    fits = [model.fit(data, objective=objective, seed=seed, **decayed) for seed in range(3)]
    truth = moons(at, np.hypot(0.05, 0.2))[1]
    gaussian = -(at - at.mean(axis=0)) @ np.linalg.inv(np.cov(at.T))
    errors = [apart(np.asarray(fitted.score(at)), truth) for fitted in fits]
    assert np.mean(errors) < 0.4 * apart(gaussian, truth)


def apart(left: np.ndarray, right: np.ndarray) -> float:
    """The mean squared distance of two fields at the data."""
    return float(np.mean(np.sum((left - right) ** 2, axis=1)))


@pytest.mark.parametrize("objective", [None, "wgan"])
def test_gan_finds_every_mode(objective: str | None) -> None:
    fitted = load("gan").fit(ring(10_000, 0), objective=objective, steps=1500)
    draws = fitted.sample(1000)
    assert distance(draws) < 0.5 * distance(blob(1000))
    assert shares(draws).min() > 0.02


# ── energies ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("objective", [None, "cd"])
def test_rbm_beats_independent_pixels(objective: str | None) -> None:
    train, test = digits()
    fitted = load("rbm", visible=64, hidden=16).fit(train, objective=objective, steps=3000)
    assert -float(fitted.log_prob(test).mean()) < independent(train, test) - 2.0
    assert fitted.sample(4, sampler="gibbs(sweeps = 50)").shape == (4, 64)


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the weights are kept outside the project")
def test_rbm_with_known_weights(x64: None) -> None:
    held = np.load(WEIGHTS)
    params = {"W": held["W"], "b": held["bv"], "c": held["bh"]}
    rbm = load("rbm", visible=4, hidden=4).with_params(params)
    assert float(rbm.log_normalizer()) == pytest.approx(59.6749019726, abs=1e-6)


@pytest.mark.parametrize(("side", "coupling"), LATTICES)
def test_ising_has_the_known_normaliser(x64: None, side: int, coupling: float) -> None:
    found = load("ising", side=side).with_params({"J": coupling}).log_normalizer()
    assert float(found) == pytest.approx(LATTICES[side, coupling], abs=1e-8)


def ising_moments(coupling: float) -> np.ndarray:
    """Σ s s′ over bonds and |m|, of independent draws at side 4, [chains, 2]."""
    fitted = load("ising", side=4).with_params({"J": coupling})
    s = fitted.draws(20_000, sampler="gibbs(sweeps = 200)")["s"]
    bonds = s * (np.roll(s, 1, 1) + np.roll(s, 1, 2))
    return np.stack([bonds.sum(axis=(1, 2)), np.abs(s.mean(axis=(1, 2)))], axis=1)


def test_gibbs_draws_have_the_known_moments() -> None:
    truth = np.array([22.0658637161, 0.7647123932])

    def off(coupling: float) -> np.ndarray:
        found = ising_moments(coupling)
        return np.abs(found.mean(0) - truth) / (found.std(0) / np.sqrt(len(found)))

    assert np.all(off(0.4) < ERRORS)
    # The twin: at a coupling that is off by a twentieth the same check fails.
    assert np.all(off(0.42) > ERRORS)


@pytest.mark.parametrize("start", [None, 0.1])
@pytest.mark.parametrize("objective", ["mle", None, "cd"])
def test_ising_recovers_its_coupling(objective: str | None, start: float | None) -> None:
    s = load("ising", side=4).with_params({"J": 0.4}).draws(2000, sampler="gibbs(sweeps = 300)")
    bonds = s["s"] * (np.roll(s["s"], 1, 1) + np.roll(s["s"], 1, 2))
    # The Fisher information of J is the variance of the bonds' sum.
    error = 1 / np.sqrt(bonds.sum(axis=(1, 2)).var() * len(bonds))
    init = None if start is None else {"J": start}
    fitted = load("ising", side=4).fit(s, objective=objective, init=init, steps=2000)
    # The chains' own noise adds to that of the data.
    allowed = ERRORS * error * (1.0 if objective == "mle" else 2.0)
    assert abs(float(fitted.params["J"]) - 0.4) < allowed


@pytest.mark.parametrize(("objective", "most"), [(None, 0.3), ("nce", 0.45)])
def test_neural_ebm_finds_the_density(objective: str | None, most: float) -> None:
    """After 4000 steps of `pcd`, three seeds come out between 0.17 and 0.22; after 2500, at 0.3."""
    steps = 4000 if objective is None else 1000
    fitted = load("neural_ebm").fit(ring(10_000, 0), objective=objective, steps=steps)
    assert total_variation(fitted) < most
    draws = fitted.sample(1000)
    assert distance(draws) < 0.25 * distance(blob(1000))
    assert shares(draws).min() > 0.03


@pytest.mark.parametrize("objective", ["dsm", "ssm"])
def test_neural_ebm_matches_scores(objective: str) -> None:
    """At the data the score is the truth's; between modes one noise level says nothing."""
    fitted = load("neural_ebm").fit(ring(10_000, 0), objective=objective, steps=2000)
    blur = SIGMA if objective == "dsm" else 0.0
    noise = np.random.default_rng(0).normal(size=(2000, 2)) * blur
    at = (ring(2000, 1) + noise).astype(np.float32)
    nearest = centres()[((at[:, None] - centres()) ** 2).sum(axis=2).argmin(axis=1)]
    truth = (nearest - at) / (SIGMA**2 + blur**2)
    found = np.asarray(fitted.score(at))
    assert apart(found, truth) < 0.3 * apart(np.zeros_like(truth), truth)


# ── score ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def diffusion() -> dgm.Fitted:
    return load("score_sde").fit(ring(10_000, 0), steps=4000)


@pytest.mark.parametrize("sampler", [None, "ode"])
def test_score_sde_draws_every_mode(diffusion: dgm.Fitted, sampler: str | None) -> None:
    draws = diffusion.sample(1000, sampler=sampler)
    assert distance(draws) < 0.05 * distance(blob(1000))
    assert np.all(np.abs(shares(draws) - 0.125) < 0.05)


def test_score_sde_comes_close_to_the_entropy(diffusion: dgm.Fitted) -> None:
    x = ring(400, 2)
    excess = log_ring(x) - np.asarray(diffusion.log_prob(x))
    assert -ERRORS * excess.std() / np.sqrt(len(x)) < excess.mean() < 0.4


def test_vp_has_the_known_signal(x64: None) -> None:
    process = load("score_sde").lowered.process
    assert process is not None
    found = np.asarray(jax.vmap(process.signal)(np.array([0.1, 0.5, 1.0])))
    np.testing.assert_allclose(found, [0.9467217988, 0.2811828808, 0.0065715865], atol=1e-10)

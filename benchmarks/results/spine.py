"""`python -m benchmarks.results.spine`: what the nine examples reach with the default recipes.

Prints the table of docs/results.md. All data are built in; about twelve minutes on two cores.
Name programs to measure those alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import dgmlang as dgm
from benchmarks.results import laws
from dgmlang.evaluate.two_sample import energy_distance

EXAMPLES = Path(__file__).parents[2] / "examples"
Rows = Iterator[tuple[str, str, str, str]]
"""Objective, what is measured, the number, what to hold it against."""


def load(name: str, **hypers: Any) -> dgm.Model:
    return dgm.load(EXAMPLES / f"{name}.dgm", **hypers)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """1500 digits to train on, 297 held out."""
    x = dgm.data("digits")["x"]
    order = np.random.default_rng(0).permutation(len(x))
    return x[order[:1500]], x[order[1500:]]


def vae() -> Rows:
    train, test = pictures()
    base = f"{laws.independent(train, test):.2f} independent pixels"
    for objective in ("elbo", "iwae(k = 8)"):
        fitted = load("vae").fit(train, objective=objective)
        bound = -float(fitted.log_prob(test, method="iwae(k = 128)").mean())
        yield objective, "held-out nats, iwae(k = 128) bound", f"{bound:.2f}", base


def gmm() -> Rows:
    from sklearn.mixture import GaussianMixture

    x = dgm.data("iris")["x"]
    found = max(float(load("gmm", K=3).fit(x, seed=s).log_prob(x).value.sum()) for s in range(3))
    peer = GaussianMixture(3, covariance_type="diag", tol=1e-9, max_iter=5000, n_init=20)
    best = peer.fit(x).score(x) * len(x)
    yield "mle", "iris, total log-likelihood, best of 3", f"{found:.3f}", f"{best:.3f} scikit-learn"


def made() -> Rows:
    train, test = pictures()
    fitted = load("made", d=64).fit(train)
    nats = -float(fitted.log_prob(test).mean())
    base = laws.logistic(train, fitted.prepare(test))
    apart = laws.independent(train, test)
    yield "mle", "held-out nats", f"{nats:.2f}", f"{base:.2f} logistic, {apart:.2f} independent"


def realnvp() -> Rows:
    x, test = dgm.data("moons")["x"], dgm.data("moons", 2000, seed=1)["x"]
    for objective in ("mle", "ssm", "dsm"):
        fitted = load("realnvp").fit(x, objective=objective)
        nats = -float(fitted.log_prob(test).mean())
        yield objective, "moons, nats", f"{nats:.3f}", f"{-laws.log_moons(test).mean():.3f} truth"


def rbm() -> Rows:
    train, test = pictures()
    base = f"{laws.independent(train, test):.2f} independent pixels"
    for objective in ("pcd", "cd"):
        fitted = load("rbm", visible=64, hidden=16).fit(train, objective=objective)
        nats = -float(fitted.log_prob(test).mean())
        yield objective, "held-out nats, 16 hidden, exact", f"{nats:.2f}", base


def ising() -> Rows:
    held = load("ising", side=8).with_params({"J": 0.4})
    s = held.draws(2000, sampler="gibbs(sweeps = 2000)")["s"]
    bonds = (s * (np.roll(s, 1, 1) + np.roll(s, 1, 2))).sum(axis=(1, 2))
    truth = f"0.4, standard error {1 / np.sqrt(bonds.var() * len(bonds)):.4f}"
    for objective in ("pcd", "cd"):
        fitted = load("ising", side=8).fit(s, objective=objective, init={"J": 0.1})
        yield objective, "J from 0.1, 2000 lattices", f"{float(fitted.params['J']):.4f}", truth


def neural_ebm() -> Rows:
    for objective in ("pcd", "nce", "dsm", "ssm"):
        fitted = load("neural_ebm").fit(dgm.data("8gaussians")["x"], objective=objective)
        apart = laws.total_variation(fitted, laws.log_ring)
        yield objective, "8 Gaussians, total variation", f"{apart:.3f}", "0 truth, 1 disjoint"
        yield objective, *_draws(fitted, None)


def score_sde() -> Rows:
    fitted = load("score_sde").fit(dgm.data("8gaussians")["x"])
    for sampler in ("sde", "ode"):
        yield "dsm", *_draws(fitted, sampler)
    test = dgm.data("8gaussians", 500, seed=1)["x"]
    nats, truth = -float(fitted.log_prob(test).mean()), -laws.log_ring(test).mean()
    yield "dsm", "8 Gaussians, nats by the ODE", f"{nats:.3f}", f"{truth:.3f} truth"


def gan() -> Rows:
    for objective in ("gan", "wgan"):
        yield (
            objective,
            *_draws(load("gan").fit(dgm.data("8gaussians")["x"], objective=objective), None),
        )


def _draws(fitted: dgm.Fitted, sampler: str | None) -> tuple[str, str, str]:
    """Energy distance to fresh data, and the rarest mode."""
    real, again = (dgm.data("8gaussians", 2000, seed=seed)["x"] for seed in (1, 2))
    draws = fitted.sample(2000, sampler=sampler)
    apart, level = (float(energy_distance(x, real).value) for x in (draws, again))
    rarest = laws.shares(draws).min()
    what = f"draws by {sampler or 'default'}: energy distance; rarest mode"
    return what, f"{apart:.4f}; {rarest:.3f}", f"{level:.4f} fresh data; 0.125"


PROGRAMS = {
    f.__name__: f for f in (vae, gmm, made, realnvp, rbm, ising, neural_ebm, score_sde, gan)
}


def main() -> None:
    """Measure and print, a row as soon as it is known."""
    show = partial(print, flush=True)
    show("| program | objective | measured | found | against | CPU s |")
    show("| --- | --- | --- | --- | --- | --- |")
    for name in sys.argv[1:] or PROGRAMS:
        before = process_time()
        for objective, what, found, against in PROGRAMS[name]():
            spent, before = process_time() - before, process_time()
            show(f"| `{name}` | `{objective}` | {what} | {found} | {against} | {spent:.0f} |")


if __name__ == "__main__":
    main()

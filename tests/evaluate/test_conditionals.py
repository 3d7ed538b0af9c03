"""Laws of some entries given others, against enumeration, closed forms and quadrature."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal, norm

import dgmlang as dgm
from dgmlang.evaluate.conditional import conditional

pytestmark = pytest.mark.usefixtures("x64")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ERRORS = 5.0
"""Standard errors that an estimate may be off: 6e-7 a number under the truth."""

SINGLE = 2e-6
"""What keeping data and parameters in single precision costs."""

BAYES = {
    "prior": np.array([0.2, 0.3, 0.5]),
    "p": np.array([[0.1, 0.8, 0.3, 0.6], [0.9, 0.2, 0.5, 0.5], [0.4, 0.4, 0.7, 0.1]]),
}
FULL = {
    "weight": np.array([0.4, 0.6]),
    "loc": np.array([[-1.0, 0.0, 0.5], [1.0, 2.0, -0.5]]),
    "L": np.array(
        [
            [[1.0, 0, 0], [0.5, 0.8, 0], [0.1, -0.3, 0.6]],
            [[0.7, 0, 0], [-0.4, 0.5, 0], [0.2, 0.2, 0.9]],
        ]
    ),
}
HMM = """model HMM {
  param start : simplex(2)
  param step  : simplex(2)[2]
  param emit  : simplex(3)[2]
  for t in 0..4 {
    latent s[t] : cat(2) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : cat(3) ~ Categorical(emit[s[t]])
  }
}"""
CURVED = """model Curved {
  latent z : real ~ Normal(0, 1)
  data x : bit[3] ~ Bernoulli(logits = 3 * tanh(2 * z) - 0.5)
}"""


def example(name: str, params: dict[str, Any], **hypers: Any) -> dgm.Fitted:
    return dgm.load(EXAMPLES / f"{name}.dgm", **hypers).with_params(params)


def enumerated(fit: dgm.Fitted, x: np.ndarray, name: str = "x") -> np.ndarray:
    """P(x_i = 1 | what is there) of each bit, by the density of all completions."""
    gone = np.flatnonzero(np.isnan(x))
    every = np.tile(x, (2 ** len(gone), 1))
    every[:, gone] = list(product((0.0, 1.0), repeat=len(gone)))
    weights = np.exp(fit.log_prob({name: every}).value - 5.0)
    return weights @ every / weights.sum()


def test_entries_that_are_independent_given_a_label() -> None:
    fit = example("naive_bayes", BAYES, classes=3, d=4)
    x = np.array([[1, np.nan, 0, np.nan], [np.nan, np.nan, 1, 1.0], [np.nan] * 4])
    found = fit.predict("x", given={"x": x})
    assert found.probabilities is not None
    assert found.kind == "exact"
    truth = np.array([enumerated(fit, one) for one in x])
    np.testing.assert_allclose(found.probabilities[..., 1], truth, atol=1e-10)
    # The twin: as if the other entries said nothing of the label.
    assert np.abs(truth - BAYES["prior"] @ BAYES["p"]).max() > 0.1
    y = fit.predict("y", given={"x": x[:1]})
    weights = BAYES["prior"] * BAYES["p"][:, 0] * (1 - BAYES["p"][:, 2])
    assert y.probabilities is not None
    np.testing.assert_allclose(y.probabilities[0], weights / weights.sum())
    assert np.asarray(y.best).tolist() == [int(weights.argmax())]


def test_entries_of_an_autoregression_in_any_order() -> None:
    rng = np.random.default_rng(0)
    fit = example("fvsbn", {"W": rng.normal(size=(4, 4)), "b": rng.normal(size=4)}, d=4)
    x = np.array([[np.nan, 1, np.nan, 0], [1, 0, np.nan, 1.0]])
    found = fit.predict("x", given={"x": x})
    assert found.probabilities is not None
    truth = np.array([enumerated(fit, one) for one in x])
    np.testing.assert_allclose(found.probabilities[..., 1], truth, atol=1e-10)
    # Draws by a chain of single sites have that law too.
    drawn = fit.draws(2000, given={"x": x[0]}, sampler="mh(steps = 20, warmup = 1)")["x"]
    error = np.sqrt(truth[0] * (1 - truth[0]) / 2000)
    assert np.all(np.abs(drawn.mean(axis=0) - truth[0]) <= ERRORS * error)
    gone = error > 0
    twin = fit.draws(2000)["x"].mean(axis=0)[gone]
    assert not np.all(np.abs(twin - truth[0][gone]) <= ERRORS * error[gone])


def test_an_autoregression_goes_on_from_its_first_entries() -> None:
    rng = np.random.default_rng(4)
    model = dgm.load(EXAMPLES / "nade.dgm", d=5, hidden=3)
    raw = jax.tree.map(lambda a: 1.5 * rng.normal(size=np.shape(a)), model.init(0))
    fit, x = model.with_params(raw), np.array([1, 0, np.nan, np.nan, np.nan])
    drawn = fit.sample(2000, given={"x": x})
    assert "goes on" in drawn.method
    assert np.all(drawn[:, :2] == [1, 0])
    truth = enumerated(fit, x)[2:]
    error = np.sqrt(truth * (1 - truth) / 2000)
    assert np.all(np.abs(drawn.mean(axis=0)[2:] - truth) <= ERRORS * error)
    twin = fit.sample(2000, given={"x": np.where(np.isnan(x), x, 1 - x)})
    assert not np.all(np.abs(twin.mean(axis=0)[2:] - truth) <= ERRORS * error)


def mixture_given_first(x: float) -> tuple[float, float, np.ndarray]:
    """Mean and deviation of the second entry of FULL given the first, and the weights."""
    cov = FULL["L"] @ np.swapaxes(FULL["L"], 1, 2)
    logs = np.log(FULL["weight"]) + norm.logpdf(x, FULL["loc"][:, 0], np.sqrt(cov[:, 0, 0]))
    w = np.exp(logs - logsumexp(logs))
    slope = cov[:, 1, 0] / cov[:, 0, 0]
    means = FULL["loc"][:, 1] + slope * (x - FULL["loc"][:, 0])
    variances = cov[:, 1, 1] - slope * cov[:, 0, 1]
    mean = float(w @ means)
    return mean, float(np.sqrt(w @ (variances + (means - mean) ** 2))), w


def test_a_mixture_of_gaussians_given_an_entry() -> None:
    fit = example("gmm_full", FULL, K=2, d=3)
    found = fit.predict("x", given={"x[0]": 0.3})
    mean, deviation, weights = mixture_given_first(0.3)
    assert found.mean is not None
    assert found.stddev is not None
    assert found.kind == "exact"
    assert found.mean[0, 1] == pytest.approx(mean)
    assert found.stddev[0, 1] == pytest.approx(deviation)
    assert (found.mean[0, 0], found.stddev[0, 0]) == (0.3, 0.0)
    label = fit.predict("k", given={"x[0]": 0.3}).probabilities
    assert label is not None
    np.testing.assert_allclose(label[0], weights, atol=SINGLE)
    drawn = fit.draws(5000, given={"x[0]": 0.3})
    assert np.all(drawn["x"][:, 0] == 0.3)
    off = (drawn["x"][:, 1].mean() - mean) / (deviation / np.sqrt(5000))
    assert abs(off) < ERRORS
    # The twin: draws that are not conditioned.
    free = fit.draws(5000)["x"][:, 1]
    assert abs((free.mean() - mean) / (deviation / np.sqrt(5000))) > ERRORS


def test_a_linear_gaussian_model_given_some_entries() -> None:
    rng = np.random.default_rng(1)
    W, b, s = rng.normal(size=(4, 2)), rng.normal(size=4), 0.6
    fit = example("ppca", {"W": W, "b": b, "s": s}, latents=2, d=4)
    x = np.array([[0.5, np.nan, -1.0, np.nan], [np.nan, 0.2, np.nan, np.nan]])
    found, z = fit.predict("x", given={"x": x}), fit.predict("z", given={"x": x})
    cov = W @ W.T + s**2 * np.eye(4)
    for row, one in enumerate(x):
        seen = ~np.isnan(one)
        gain = cov[:, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)])
        assert found.mean is not None
        assert found.stddev is not None
        assert z.mean is not None
        np.testing.assert_allclose(found.mean[row], b + gain @ (one - b)[seen], atol=SINGLE)
        variance = np.diag(cov - gain @ cov[seen])
        np.testing.assert_allclose(found.stddev[row] ** 2, variance, atol=SINGLE)
        gain = W.T[:, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)])
        np.testing.assert_allclose(z.mean[row], gain @ (one - b)[seen], atol=SINGLE)
    assert found.best is not None


def test_sites_of_an_energy_given_others() -> None:
    fit = example("ising", {"J": 0.6}, side=3)
    s = np.full((3, 3), np.nan)
    s[0], s[1, 0] = [1, -1, 1], 1
    gone = np.isnan(s)
    every = np.tile(s, (2**5, 1, 1))
    every[:, gone] = list(product((-1.0, 1.0), repeat=5))
    weights = np.exp(-fit.energy({"s": every}).value)
    up = (weights @ (every.reshape(32, 9) > 0)).reshape(3, 3) / weights.sum()
    found = fit.predict("s", given={"s": s})
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[0, ..., 1], up, atol=SINGLE)
    drawn = fit.sample(4000, given={"s": s}, sampler="gibbs(sweeps = 40)")
    assert drawn.diagnostics is not None
    error = np.sqrt(up * (1 - up) / 4000)
    assert np.all(np.abs((drawn > 0).mean(axis=0) - up) <= ERRORS * error)
    twin = fit.sample(4000, sampler="gibbs(sweeps = 40)")
    assert not np.all(np.abs((twin > 0).mean(axis=0) - up) <= ERRORS * error)


def test_turns_of_a_chain_given_others() -> None:
    params = {
        "start": np.array([0.3, 0.7]),
        "step": np.array([[0.9, 0.1], [0.2, 0.8]]),
        "emit": np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]),
    }
    fit = dgm.parse(HMM).with_params(params)
    found = fit.predict("x", given={"x": [[0, np.nan, np.nan, 2]]})
    assert found.probabilities is not None
    pairs = np.array([[0, i, j, 2] for i in range(3) for j in range(3)])
    weights = np.exp(fit.log_prob({"x": pairs}).value)
    wanted = [weights[pairs[:, 1] == level].sum() / weights.sum() for level in range(3)]
    np.testing.assert_allclose(found.probabilities[0, 1], wanted, atol=SINGLE)
    np.testing.assert_allclose(found.probabilities[0, 0], [1, 0, 0])
    drawn = fit.draws(4000, given={"x": [0, np.nan, np.nan, 2]})["x"][:, 1]
    share = np.bincount(np.asarray(drawn), minlength=3) / 4000
    assert np.all(np.abs(share - wanted) < ERRORS * np.sqrt(0.25 / 4000))


def test_a_latent_that_no_rule_removes_is_moved_by_a_chain() -> None:
    fit = dgm.parse(CURVED).with_params({})
    z = np.linspace(-8, 8, 20_001)
    p = expit(3 * np.tanh(2 * z) - 0.5)
    weights = norm.pdf(z) * p
    truth = float((weights * p).sum() / weights.sum())
    found = fit.predict("x", given={"x": [1.0, np.nan, np.nan]}, draws=600)
    assert found.kind == "estimate"
    assert found.probabilities is not None
    assert found.probabilities.stderr is not None
    off = (found.probabilities[0, 1:, 1] - truth) / found.probabilities.stderr[0, 1:, 1]
    assert np.all(np.abs(off) < ERRORS)
    assert "hmc" in found.method
    alone = float((norm.pdf(z) * p).sum() / norm.pdf(z).sum())
    assert abs(alone - truth) / found.probabilities.stderr[0, 1, 1] > ERRORS  # the twin


def test_imputed_data_keep_what_was_there() -> None:
    fit = example("gmm_full", FULL, K=2, d=3)
    x = np.random.default_rng(2).normal(size=(6, 3))
    gone = np.random.default_rng(3).random((6, 3)) < 0.4
    holes = np.where(gone, np.nan, x)
    first, again, other = fit.impute(holes), fit.impute(x, mask=gone), fit.impute(holes, seed=1)
    assert np.all(first[~gone] == x[~gone])
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, fit.impute(np.ma.masked_array(x, gone)))
    assert np.all(first[gone] != other[gone])
    assert first.kind == "draws"
    # Many copies of one example: the draws have the law of the rest.
    mean, deviation, _ = mixture_given_first(0.3)
    filled = fit.impute(np.tile([0.3, np.nan, np.nan], (600, 1)))[:, 1]
    assert abs(filled.mean() - mean) < ERRORS * deviation / np.sqrt(600)


def test_gaussian_density_twin() -> None:
    """The formulas that the tests compare with, against SciPy's densities on a grid."""
    cov = FULL["L"] @ np.swapaxes(FULL["L"], 1, 2)
    grid = np.linspace(-8, 8, 4001)
    points = np.stack([np.full_like(grid, 0.3), grid], axis=1)
    parts = [
        multivariate_normal.pdf(points, loc[:2], c[:2, :2])
        for loc, c in zip(FULL["loc"], cov, strict=True)
    ]
    density = FULL["weight"] @ np.stack(parts)
    assert (density * grid).sum() / density.sum() == pytest.approx(mixture_given_first(0.3)[0])


def test_a_table_that_would_cost_too_much_is_left_to_the_chain() -> None:
    how = conditional(example("ising", {"J": 0.4}, side=5).model, {"s"}, set())
    assert how.fits({"s": 18}, 64)
    assert not how.fits({"s": 18}, 65)
    assert not how.fits({"s": 21}, 1)


def test_imputed_data_behind_a_preparation() -> None:
    """Steps that can be undone are; with noise on the way all is as the model sees it."""
    text = "model M {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}"
    x = np.array([[10.0, 200.0], [30.0, np.nan], [20.0, 400.0]])
    whole = x[[0, 2]]
    fit = dgm.parse(text).fit(whole, prepare="x = standardize(x)", steps=2)
    filled = fit.impute(x)
    assert np.all(filled[~np.isnan(x)] == x[~np.isnan(x)])
    assert 100 < filled[1, 1] < 700  # six deviations about the mean
    bits = "model B {\n  param p : unit[4]\n  data x : bit[4] ~ Bernoulli(p)\n}"
    grey = np.array([[[0, 1], [1, 0]], [[1, 1], [0, 0]]], float)
    noisy = dgm.parse(bits).fit(grey, prepare="x = bernoulli(flatten(x))", steps=2)
    holes = np.where(np.arange(2) == 1, np.nan, grey)
    found = noisy.impute(holes)
    assert found.shape == (2, 4)
    assert found[:, [0, 2]].tolist() == [[0, 1], [1, 0]]
    assert set(np.asarray(found).ravel().tolist()) <= {0.0, 1.0}


def test_parts_are_those_of_the_data_as_they_come() -> None:
    """The first row of a picture is its first row, though the model sees one long vector."""
    text = """model M(d: int) {
      param p : unit[d]
      latent k : bit ~ Bernoulli(0.4)
      data x : bit[d] ~ Bernoulli(0.1 + 0.8 * p * k)
    }"""
    pictures = (np.random.default_rng(0).uniform(size=(40, 2, 3)) < 0.4).astype(float)
    flat = dgm.parse(text).fit(pictures.reshape(40, 6), steps=20, seed=0)
    fit = dgm.parse(text).fit(pictures, prepare={"x": "flatten(x)"}, steps=20, seed=0)
    row, gone = np.array([1.0, 0, 1]), np.full((2, 3), np.nan)
    gone[0] = row
    wanted = np.asarray(flat.sample(50, given={"x[:3]": row}, seed=1)).reshape(50, 2, 3)
    for given in (
        {"x[0]": row},
        {"x[:1]": row[None]},
        {"x": gone},
        {"x[0]": np.tile(row, (50, 1))},
    ):
        found = np.asarray(fit.sample(50, given=given, seed=1))
        np.testing.assert_array_equal(found, wanted)
    assert (found[:, 1] != found[0, 1]).any()
    column = np.asarray(fit.sample(50, given={"x[:, 0]": row[:2]}, seed=1))
    assert (column[:, :, 0] == row[:2]).all()
    one = fit.predict("x", given={"x": gone})
    assert np.asarray(one.best).shape == (1, 2, 3)

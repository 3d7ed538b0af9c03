"""Anomaly scores, purified examples and features of a critic."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.stats import kstest, norm

import dgmlang as dgm

pytestmark = pytest.mark.usefixtures("x64")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NORMAL = "model N {\n  param m : real\n  param s : positive\n  data x : real ~ Normal(m, s)\n}"
GREYS = """model Greys {
  net f(x: grey(5)[3]) -> (logits: real[3, 5]) = x |> made([6])
  data x : grey(5)[3] ~ Categorical(f(past(x))...)
}"""


def normal(m: float, s: float) -> dgm.Fitted:
    return dgm.parse(NORMAL).with_params({"m": m, "s": s})


def test_scores_ranks_and_the_area() -> None:
    rng = np.random.default_rng(0)
    usual, shifted = rng.normal(size=400), 1.0 + rng.normal(size=400)
    fit = normal(0.0, 1.0)
    found = fit.anomaly(usual, reference=rng.normal(size=2000))
    np.testing.assert_allclose(found.score, norm.logpdf(usual), atol=1e-6)
    assert found.score.kind == "exact"
    assert kstest(found.rank, "uniform").pvalue > 1e-4
    assert kstest(fit.anomaly(shifted).rank, "uniform").pvalue < 1e-4  # the twin
    # A ratio of N(1, 1) to N(0, 1) grows with x: P(X > Y) for X ~ N(1, 1), Y ~ N(0, 1).
    ratio = normal(1.0, 1.0).anomaly(usual, reference=shifted, simpler=fit)
    np.testing.assert_allclose(ratio.score, usual - 0.5, atol=1e-6)
    assert ratio.area.stderr is not None
    truth = norm.cdf(1 / np.sqrt(2))
    assert abs(float(ratio.area) - truth) < 5 * float(ratio.area.stderr)
    assert abs(0.5 - truth) > 5 * float(ratio.area.stderr)


def test_an_energy_scores_by_itself() -> None:
    fit = dgm.load(EXAMPLES / "ising.dgm", side=32).with_params({"J": 0.3})
    s = np.where(np.random.default_rng(0).random((5, 32, 32)) < 0.5, -1.0, 1.0)
    found = fit.anomaly(s, reference=s)
    np.testing.assert_allclose(found.score, -fit.energy(s).value)
    assert "constant" in found.score.method


def test_purified_levels_are_greedily_the_most_likely() -> None:
    model = dgm.parse(GREYS)
    rng = np.random.default_rng(3)
    params = jax.tree.map(lambda a: rng.normal(size=np.shape(a)), model.init(0))
    fit = model.with_params(params)
    x = np.array([[0, 2, 4], [3, 3, 1]])
    found = fit.purify(x, radius=1)

    def greedy(row: np.ndarray) -> np.ndarray:
        row = row.copy()
        for i in range(3):
            near = [v for v in range(5) if abs(v - row[i]) <= 1]
            tails = np.array(list(product(range(5), repeat=2 - i))).reshape(5 ** (2 - i), 2 - i)

            def mass(v: int, i: int = i, tails: np.ndarray = tails) -> float:
                head = np.tile([*row[:i], v], (len(tails), 1))
                return float(np.exp(fit.log_prob(np.concatenate([head, tails], 1)).value).sum())

            row[i] = max(near, key=mass)
        return row

    assert np.asarray(found).tolist() == [greedy(row).tolist() for row in x]
    assert np.abs(np.asarray(found) - x).max() == 1
    assert np.asarray(fit.purify(x, radius=0)).tolist() == x.tolist()


def test_purified_reals_end_at_the_nearest_point_to_the_mode() -> None:
    fit = normal(0.0, 1.0)
    found = fit.purify(np.array([3.0, 0.4, -2.0]), radius=0.5)
    np.testing.assert_allclose(found, [2.5, 0.0, -1.5], atol=0.01)


def test_features_are_what_the_critics_head_reads() -> None:
    model = dgm.load(EXAMPLES / "gan.dgm", d=2)
    fit = model.fit(np.random.default_rng(0).normal(size=(64, 2)), steps=2, batch=32)
    x = np.random.default_rng(1).normal(size=(5, 2))
    found = fit.features(x)
    assert found.shape == (5, 128)
    head = fit.params["critic"]["head"]
    values = {"x": np.asarray(x, np.float32)}
    said = [float(model.lowered.critic(fit.raw, {"x": values["x"][i]})) for i in range(5)]
    kernel, bias = (np.asarray(v) for v in sorted(head.values(), key=np.ndim, reverse=True))
    np.testing.assert_allclose((found @ kernel + bias)[:, 0], said, atol=1e-5)


def test_features_of_a_classifier_are_what_its_head_reads() -> None:
    model = dgm.load(EXAMPLES / "neural_classifier.dgm", d=2, classes=3)
    fit = model.with_params({})
    x = np.random.default_rng(1).normal(size=(5, 2))
    found = fit.features(x)
    assert found.shape == (5, 128)
    assert found.method == "the last hidden layer of f"
    head = fit.params["f"]["logits"]
    kernel, bias = (np.asarray(v) for v in sorted(head.values(), key=np.ndim, reverse=True))
    told = fit.predict("y", given={"x": x}).probabilities
    logits = found @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert told is not None
    np.testing.assert_allclose(shares, told, atol=1e-5)
    np.testing.assert_allclose(fit.features({"x": x}), found)
    # The twin: other weights have other features.
    other = model.with_params(model.init(7))
    assert not np.allclose(other.features(x), found, atol=1e-2)

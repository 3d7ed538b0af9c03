"""Two-sample tests: p-values are uniform where laws agree, and small where they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kstest

import dgmlang as dgm
from dgmlang.evaluate import neighbours, two_sample
from dgmlang.evaluate.frechet import frechet, frechet_test
from dgmlang.evaluate.modes import coverage
from dgmlang.evaluate.two_sample import Sample, TwoSample

FALSE_ALARM = 1e-4
"""How often a right test fails here, were the seeds not fixed."""

PERMUTATIONS = 49
TESTS: dict[str, Callable[[Sample, Sample, int], TwoSample]] = {
    "mmd": lambda a, b, seed: two_sample.mmd_test(a, b, PERMUTATIONS, seed),
    "energy": lambda a, b, seed: two_sample.energy_test(a, b, PERMUTATIONS, seed),
    "moments": lambda a, b, seed: two_sample.moment_test(a, b, PERMUTATIONS, seed),
    "classifier": two_sample.classifier_test,
    "frechet": lambda a, b, seed: frechet_test(a, b, PERMUTATIONS, seed, "as they are"),
    "memorisation": lambda a, b, seed: neighbours.memorisation(
        np.random.default_rng(seed + 10_000).gamma(2.0, size=(40, 2)), b, a
    ),
}


def samples(seed: int, n: int = 40) -> tuple[Sample, Sample]:
    """Two samples of one skewed law."""
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, size=(n, 2)), rng.gamma(2.0, size=(n + 5, 2))


@pytest.mark.parametrize("name", TESTS)
def test_p_values_are_uniform_where_the_laws_agree(name: str) -> None:
    found = [TESTS[name](*samples(seed), seed).p for seed in range(250)]
    # p-values of permutations lie on a grid of 1/50, the upper ends of its cells.
    spread = (
        np.random.default_rng(0).random(250)
        / 50
        * (name in ("mmd", "energy", "moments", "frechet"))
    )
    assert kstest(np.array(found, float) - spread, "uniform").pvalue > FALSE_ALARM


@pytest.mark.parametrize("name", [n for n in TESTS if n != "memorisation"])
def test_p_values_are_small_where_they_do_not(name: str) -> None:
    for seed in range(3):
        left, right = samples(seed, n=100)
        found = TESTS[name](left, 0.5 * right + 1.5, seed)
        assert found.p is not None
        assert found.p <= 0.02


def test_copies_of_training_data_are_noticed() -> None:
    rng = np.random.default_rng(0)
    train, fresh = rng.normal(size=(200, 2)), rng.normal(size=(100, 2))
    copies = train[:100] + 0.01 * rng.normal(size=(100, 2))
    found = neighbours.memorisation(train, fresh, copies)
    assert found.p is not None
    assert found.p < 1e-6
    assert float(found.value) > 0.9


def test_mmd_is_unbiased() -> None:
    """Of N(0, 1) and N(1, 1) with a kernel of width h: closed form (Gretton et al. 2012)."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(800, 1)), 1.0 + rng.normal(size=(800, 1))
    found = two_sample.mmd_test(left, right, 1, 0).value
    h = float(found.method.split()[-1])
    scale = h / np.sqrt(h**2 + 2)
    truth = 2 * scale * (1 - np.exp(-1 / (2 * (h**2 + 2))))
    assert found.stderr is not None
    assert abs(float(found) - truth) < 5 * float(found.stderr)
    assert abs(float(found) - 2 * truth) > 5 * float(found.stderr)  # the twin


def test_precision_and_recall_of_half_a_law() -> None:
    """Draws of one of two distant modes are precise and recall half, and the other way round."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=(400, 2)) + 20.0 * (rng.random(400) < 0.5)[:, None]
    one = rng.normal(size=(400, 2))
    precise, recalled = (f(both, one).value for f in (neighbours.precision, neighbours.recall))
    assert float(precise) > 0.9
    assert float(recalled) == pytest.approx(0.5, abs=0.1)
    assert float(neighbours.precision(one, both).value) == pytest.approx(0.5, abs=0.1)


def test_frechet_distance_of_gaussians() -> None:
    """Of N(0, S) and N(m, T) that commute: |m|² + Σ (√s − √t)²; else by the roots of S T."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    s, t, m = np.array([1.0, 4.0, 0.25]), np.array([2.0, 1.0, 1.0]), np.array([0.5, 0.0, -1.0])
    left = rng.normal(size=(200_000, 3)) * np.sqrt(s) @ turn.T
    right = rng.normal(size=(200_000, 3)) * np.sqrt(t) @ turn.T + m
    truth = np.sum(m**2) + np.sum((np.sqrt(s) - np.sqrt(t)) ** 2)
    assert frechet(left, right) == pytest.approx(truth, rel=0.02)
    # The twin: without turning both alike, S and T do not commute, and the sum is another.
    bent = rng.normal(size=(200_000, 3)) * np.sqrt(t) + m
    roots = np.linalg.eigvals(turn @ np.diag(s) @ turn.T @ np.diag(t))
    other = np.sum(m**2) + s.sum() + t.sum() - 2 * np.sqrt(roots.real).sum()
    assert frechet(left, bent) == pytest.approx(other, rel=0.02)
    assert abs(other - truth) > 0.05 * truth


def test_the_standard_error_of_a_frechet_distance() -> None:
    """Beside its spread over samples, and where it lies for equal laws, which its text says."""
    rng = np.random.default_rng(1)
    pairs = [(rng.normal(size=(100, 2)), 1.0 + rng.normal(size=(100, 2))) for _ in range(100)]
    spread = np.std([frechet(a, b) for a, b in pairs])
    found = frechet_test(*pairs[0], permutations=19, seed=0, space="as they are").value
    assert found.stderr is not None
    assert 0.5 < float(found.stderr) / spread < 2.0
    alike = np.mean([frechet(a, b - 1.0) for a, b in pairs])
    pooled = frechet_test(pairs[0][0], pairs[0][1] - 1.0, 99, 0, "as they are").value
    said = float(pooled.method.split("; ")[1].split()[0])
    assert 0.5 < said / alike < 2.0


def test_modes_that_draws_come_to() -> None:
    rng = np.random.default_rng(0)
    modes = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    draws = modes[rng.choice(4, size=400, p=[0.5, 0.46, 0.035, 0.005])]
    found = coverage(draws + 0.1 * rng.normal(size=(400, 2)), modes, 0.3).value
    assert float(found) == 0.5  # a fifth of the fair share of 100 is 20
    assert "2 of 4 modes" in found.method
    assert float(coverage(draws + 2.0, modes, 0.3).value) == 0.0


CLASSIFIER = """model Classifier {
  net f(x: real[2]) -> (logits: real[2]) = x |> mlp([5])
  given x : real[2]
  data y : bit[2] ~ Bernoulli(f(x)...)
}"""
PLANE = "model Plane {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}"


def test_draws_in_the_space_of_a_classifier() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    seen = dgm.parse(CLASSIFIER).with_params({})
    plane = dgm.parse(PLANE)
    right = plane.with_params({"m": [0.0, 0.0]}).compare(x, features=seen)
    assert "5 numbers, the last hidden layer of f of Classifier" in right["frechet"].value.method
    wrong = plane.with_params({"m": [2.0, 0.0]}).compare(x, features=seen)
    assert right["frechet"].p is not None
    assert wrong["frechet"].p is not None
    assert right["frechet"].p > 0.01 > wrong["frechet"].p
    # A function that keeps what the laws have in common does not see what they have not.
    blind = plane.with_params({"m": [2.0, 0.0]}).compare(x, features=lambda x: x[:, 1:])
    assert blind["frechet"].p is not None
    assert blind["frechet"].p > 0.01


MIXED = """model Mixed {
  given c : real
  param w : real
  data x : real[2] ~ Normal(w * c, 1)
  data k : cat(3)  ~ Categorical(uniform(3))
}"""


def test_a_model_beside_data_with_givens_and_classes() -> None:
    rng = np.random.default_rng(1)
    c = rng.normal(size=300)
    data = {"c": c, "x": c[:, None] + rng.normal(size=(300, 2)), "k": rng.integers(3, size=300)}
    right = dgm.parse(MIXED).with_params({"w": 1.0}).compare(data, train=data, examples=100)
    every = {*TESTS, "precision", "recall", "energy distance"}
    assert set(right) == every - {"energy", "frechet"}
    assert "100 draws against 100 of 300 examples" in repr(right)
    wrong = dgm.parse(MIXED).with_params({"w": -1.0}).compare(data, examples=100)
    for name in ("mmd", "energy distance", "classifier"):
        before, after = right[name].p, wrong[name].p
        assert before is not None
        assert after is not None
        assert before > 0.01 > after

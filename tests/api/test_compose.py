"""Fitted laws put together, from Python and in a program, against closed forms and enumeration."""

from __future__ import annotations

from itertools import product as states
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm

pytestmark = pytest.mark.usefixtures("x64")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EVERY = np.array(list(states((0.0, 1.0), repeat=4)))
X = np.random.default_rng(0).normal(size=(5, 2))

PARTS = """
model A {
  param m : real[2]
  param s : positive[2]
  data x : real[2] ~ Normal(m, s)
}
model Whole {
  let a = A()
  let b = A()
  data x : real[2]
  energy -log_prob(a, x) - 2 * log_prob(b, x)
}
"""
CHOSEN = PARTS.replace(
    """  data x : real[2]
  energy -log_prob(a, x) - 2 * log_prob(b, x)""",
    """  latent k : bit ~ Bernoulli(0.3)
  data x : real[2] ~ a if k else b""",
)


def gaussian(m: tuple[float, float], s: float) -> dgm.Fitted:
    return dgm.parse(PARTS, model="A").with_params({"m": m, "s": (s, s)})


def machine(seed: int) -> dgm.Fitted:
    w = np.random.default_rng(seed).normal(size=(4, 2))
    return dgm.load(EXAMPLES / "rbm.dgm", visible=4, hidden=2).with_params({"W": w})


NEAR, FAR = gaussian((0.0, 0.0), 1.0), gaussian((2.0, -1.0), 0.5)


def log_densities() -> tuple[np.ndarray, np.ndarray]:
    return norm.logpdf(X).sum(1), norm.logpdf(X, (2.0, -1.0), 0.5).sum(1)


@pytest.mark.parametrize("powers", [(1.0, 1.0), (1.0, -0.1)])
def test_a_product_multiplies_densities(powers: tuple[float, float]) -> None:
    near, far = log_densities()
    found = dgm.product(NEAR, FAR, powers=powers)
    assert np.allclose(-found.energy(X).value, powers[0] * near + powers[1] * far)


def test_a_product_in_a_program_is_the_gaussian_of_added_precisions() -> None:
    found = dgm.parse(PARTS).with_params({"a": NEAR, "b": FAR})
    near, far = log_densities()
    assert (
        np.ptp(np.asarray(found.log_prob(X)) - near - 2 * far) < 1e-4
    )  # params are of single precision
    assert np.allclose(found.mode()[0], 2 * 4 * np.array([2.0, -1.0]) / (1 + 2 * 4))
    assert found.log_normalizer().kind == "exact"


def test_a_mixture_in_a_program_chooses_between_the_laws() -> None:
    found = dgm.parse(CHOSEN).with_params({"a": FAR, "b": NEAR})
    near, far = log_densities()
    mixed = np.logaddexp(np.log(0.7) + near, np.log(0.3) + far)
    assert np.allclose(found.log_prob(X), mixed)
    assert not np.allclose(found.log_prob(X), near + far)


def test_energies_are_put_together_with_and_without_their_constants() -> None:
    one, two = machine(1), machine(2)
    logs = [np.asarray(law.log_prob(EVERY)) for law in (one, two)]
    both = dgm.product(one, two)
    assert np.ptp(np.asarray(both.log_prob(EVERY)) - logs[0] - logs[1]) < 1e-9
    assert np.allclose(np.exp(both.log_prob(EVERY)).sum(), 1.0)
    mixed = dgm.mixture(one, two, weights=(1, 3))
    assert np.allclose(np.exp(-mixed.energy(EVERY).value), np.exp(logs).T @ (0.25, 0.75))
    assert float(mixed.log_normalizer()) == pytest.approx(0.0, abs=1e-9)
    # The twin: the same with the constants left out would be another law.
    assert abs(float(one.log_normalizer()) - float(two.log_normalizer())) > 0.1


@pytest.mark.parametrize("sampler", ["mh(steps = 200)", "gibbs(sweeps = 100)"])
def test_a_product_of_bits_is_drawn(sampler: str) -> None:
    both = dgm.product(machine(1), machine(2))
    assert both.model.plan.default_sampler == "gibbs"
    drawn = np.asarray(both.sample(400, sampler=sampler))
    law = np.exp(np.asarray(both.log_prob(EVERY)))
    mean, error = law @ EVERY, np.sqrt(law @ EVERY * (1 - law @ EVERY) / 400)
    assert np.all(np.abs(drawn.mean(0) - mean) < 5 * error)
    other = np.exp(np.asarray(machine(1).log_prob(EVERY))) @ EVERY
    assert np.any(np.abs(drawn.mean(0) - other) > 5 * error)


def test_what_does_not_go_together_is_told() -> None:
    free = dgm.load(EXAMPLES / "neural_ebm.dgm").with_params({})
    for laws, settings, why in [
        ((NEAR,), {}, "fewer than two"),
        ((NEAR, machine(1)), {}, "one of bit"),
        ((NEAR, FAR), {"powers": (1, 2, 3)}, "2 laws and 3 powers"),
    ]:
        with pytest.raises(dgm.DgmError, match=f"DGM0935(.|\n)*{why}"):
            dgm.product(*laws, **settings)
    with pytest.raises(dgm.DgmError, match="adds up to is not known"):
        dgm.mixture(NEAR, free)
    with pytest.raises(dgm.DgmError, match="must be positive"):
        dgm.mixture(NEAR, FAR, weights=(1, 0))

"""Energies that are Gaussians: densities, normalisers, draws and conditionals against SciPy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from tests.lower.statistics import log_gaussian, mean_matches

pytestmark = pytest.mark.usefixtures("x64")

PRECISION = np.array([[2.0, 0.7, 0.1], [0.7, 1.5, -0.4], [0.1, -0.4, 1.0]])
MEAN = np.array([1.0, -2.0, 0.5])
COVARIANCE = np.linalg.inv(PRECISION)

DENSE = """model Dense {
  param P : cov(3)
  param b : real[3]
  data x : real[3]
  energy (x - b) @ P @ (x - b) / 2
}
"""


def dense() -> dgm.Fitted:
    return dgm.parse(DENSE).with_params({"P": PRECISION, "b": MEAN})


def test_the_density_is_normalised() -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    found = dense().log_prob(x)
    truth = [log_gaussian(row - MEAN, COVARIANCE) for row in x]
    assert found.kind == "exact"
    np.testing.assert_allclose(found, truth, atol=1e-5)
    log_z = 1.5 * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(PRECISION)[1]
    assert float(dense().log_normalizer()) == pytest.approx(log_z, abs=1e-5)


def test_draws_have_mean_and_covariance() -> None:
    x = np.asarray(dense().sample(40_000, seed=1), float)
    products = (x - MEAN)[:, :, None] * (x - MEAN)[:, None, :]
    assert mean_matches(x, MEAN)
    assert mean_matches(products.reshape(-1, 9), COVARIANCE.reshape(-1))
    assert not mean_matches(products.reshape(-1, 9), PRECISION.reshape(-1))


PAIR = """model Pair {
  param W : real[2, 1]
  data x : real[2]
  data y : real[1]
  energy sum(y ** 2) / 2
  energy -log_prob(Normal(W @ y, 0.5), x)
}
"""


def test_a_variable_that_is_given_conditions_the_others() -> None:
    W, x = np.array([[1.0], [-0.5]]), np.array([0.8, 0.3])
    drawn = dgm.parse(PAIR).with_params({"W": W}).draws(40_000, given={"x": x}, seed=2)
    precision = 1 + (W.T @ W)[0, 0] / 0.25
    mean = (W.T @ x)[0] / 0.25 / precision
    y = np.asarray(drawn["y"], float)[:, 0]
    assert mean_matches(y, mean)
    assert mean_matches((y - mean) ** 2, 1 / precision)
    assert not mean_matches(y, 0.0)


JOINT = "model M {{ param W : real[4, 2]\n latent z : real[2]\n energy sum(z ** 2) / 2\n {} }}"


@pytest.mark.parametrize(
    "below",
    [
        "data x : real[4] ~ Normal(W @ z, 0.3)",
        "data x : real[4]\n energy -log_prob(Normal(W @ z, 0.3), x)",
    ],
)
def test_a_latent_of_the_energy_is_integrated_out(below: str) -> None:
    model = dgm.parse(JOINT.format(below))
    assert {r.variable: r.rule for r in model.plan.facts.removed} == {"z": "closed form"}
    rng = np.random.default_rng(3)
    W, x = rng.standard_normal((4, 2)), rng.standard_normal((3, 4))
    fitted = model.with_params({"W": W})
    truth = [log_gaussian(row, W @ W.T + 0.09 * np.eye(4)) for row in x]
    np.testing.assert_allclose(fitted.log_prob(x), truth, atol=1e-4)
    z = fitted.posterior(x)["z"]
    np.testing.assert_allclose(z, x @ W @ np.linalg.inv(W.T @ W + 0.09 * np.eye(2)), atol=1e-4)


def test_givens_move_the_mean() -> None:
    text = "model M { param w : real\n given c : real\n data x : real\n energy (x - w * c) ** 2 }"
    model = dgm.parse(text)
    values = {"c": jnp.asarray(2.0), "x": jnp.asarray(0.4)}
    found = model.log_prob({"w": jnp.asarray(1.5)}, values)
    truth = log_gaussian(np.array([0.4 - 3.0]), np.array([[0.5]]))
    assert float(found) == pytest.approx(truth, abs=1e-6)

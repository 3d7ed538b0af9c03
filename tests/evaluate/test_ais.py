"""log Z by annealing against sums and integrals; the coverage of its standard error."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.evaluate.ais import ais, log_weights
from dgmlang.evaluate.log_normalizer import log_normalizer
from tests.objectives.models import ERRORS, RBM, arrays, example, model, rbm_params, within

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "pydeep_rbm_bas2x2.npz"

QUARTIC = """model Quartic {
  param c : real
  data x : real[2]
  energy sum(x ** 4) / 4 - c * x[0] * x[1]
}"""


def error(found) -> float:
    """The standard error, which every estimate has."""
    assert found.stderr is not None
    return float(found.stderr)


def quartic(c):
    grid = np.linspace(-6, 6, 1201)
    x, y = np.meshgrid(grid, grid)
    return np.log(np.exp(-(x**4 + y**4) / 4 + c * x * y).sum() * (grid[1] - grid[0]) ** 2)


def test_weights_have_mean_z_however_few_temperatures():
    rbm, params = model(RBM), rbm_params()
    truth = float(log_normalizer(rbm, params, {}))
    log_w = np.asarray(log_weights(rbm, params, KEY, 5, 20_000))
    assert within(np.exp(log_w - truth), 1.0)
    # The twin: the mean of the logs, which is a bound.
    assert not within(log_w - truth, 0.0)
    assert log_w.mean() < truth


def test_the_standard_error_covers():
    rbm, params = model(RBM), rbm_params()
    truth, runs = float(log_normalizer(rbm, params, {})), 300
    found = [ais(rbm, params, key, 20, 100) for key in jax.random.split(KEY, runs)]
    z = np.array([(float(f) - truth) / error(f) for f in found])
    # Of 300 intervals of two errors, 286 cover: a binomial's five deviations are 19.
    assert 267 <= (np.abs(z) < 2).sum() <= 300
    # The twin: the error of one chain's weight, not of their mean.
    assert (np.abs(z) < 0.2).sum() < 150


@pytest.mark.parametrize("coupling", [0.3, 0.5])
def test_a_lattice(coupling):
    lattice, params = example("ising", side=8), arrays(J=coupling)
    found = ais(lattice, params, KEY, 200, 100)
    truth = float(log_normalizer(lattice, params, {}))
    assert abs(float(found) - truth) < ERRORS * error(found)
    assert error(found) < 0.3
    other = float(log_normalizer(lattice, arrays(J=coupling + 0.05), {}))
    assert abs(float(found) - other) > ERRORS * error(found)


def test_reals_without_blocks():
    found = ais(model(QUARTIC), arrays(c=0.8), KEY, 200, 200)
    assert abs(float(found) - quartic(0.8)) < ERRORS * error(found)
    assert abs(float(found) - quartic(0.0)) > ERRORS * error(found)


def test_reals_with_blocks():
    """A Gaussian RBM: Σ_h ∫ exp(−(v − b)²/2 + v W h + c h) dv."""
    rng = np.random.default_rng(1)
    w, b, c = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=3)
    h = np.array([[i >> k & 1 for k in range(3)] for i in range(8)], float)
    up = h @ w.T
    truth = np.logaddexp.reduce(h @ c + (up * b + up**2 / 2).sum(1)) + np.log(2 * np.pi)
    params = arrays(W=w, b=b, c=c)
    found = ais(example("gaussian_rbm", visible=2, hidden=3), params, KEY, 200, 200)
    assert abs(float(found) - truth) < ERRORS * error(found)
    assert error(found) < 0.1


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the weights are kept outside the project")
def test_the_rbm_of_pydeep():
    held = np.load(WEIGHTS)
    rbm = dgm.load(
        Path(__file__).resolve().parents[2] / "examples" / "rbm.dgm", visible=4, hidden=4
    ).with_params({"W": held["W"], "b": held["bv"], "c": held["bh"]})
    found = rbm.log_normalizer(method="ais(temperatures = 1000, chains = 100)")
    assert float(found) == pytest.approx(59.6749019726, abs=0.05)
    assert found.kind == "estimate"
    assert "1000 temperatures" in found.method

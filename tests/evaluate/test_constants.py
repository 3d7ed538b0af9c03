"""log Z by bridges and in both directions, log p with its error, normalisers given something."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.evaluate.ais import _down, bracket
from dgmlang.evaluate.bridge import bridge
from dgmlang.evaluate.exact_draws import exact_draws
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.samplers.chains import begin
from dgmlang.samplers.sweeps import energy_variables
from tests.evaluate.test_ais import QUARTIC, error, quartic
from tests.objectives.models import ERRORS, RBM, arrays, bits, example, model, rbm_params, within

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_error_of_a_bridge_covers() -> None:
    rbm, params = model(RBM), rbm_params()
    truth, runs = float(log_normalizer(rbm, params, {})), 150
    keys = jax.random.split(KEY, runs)
    found = [bridge(rbm, params, key, levels=6, sweeps=5, chains=40) for key in keys]
    z = np.array([(float(f) - truth) / error(f) for f in found])
    # Of 150 intervals of two errors 143 cover: a binomial's five deviations are 13.
    assert (np.abs(z) < 2).sum() >= 130
    # The twin: a fifth of the error.
    assert (np.abs(z) < 0.4).sum() < 100


def test_a_bridge_over_reals_without_blocks() -> None:
    found = bridge(model(QUARTIC), arrays(c=0.8), KEY, levels=10, sweeps=20, chains=100)
    assert abs(float(found) - quartic(0.8)) < ERRORS * error(found)
    assert abs(float(found) - quartic(1.4)) > ERRORS * error(found)


def test_exact_draws_are_of_the_enumerated_law() -> None:
    rbm, params, n = model(RBM), rbm_params(), 20_000
    every = arrays(v=bits(4))
    law = np.exp(np.asarray(jax.vmap(lambda v: rbm.log_prob(params, {"v": v}))(every["v"])))
    law /= law.sum()
    codes = 2 ** np.arange(4)
    drawn = np.asarray(exact_draws(rbm, params, KEY, n)["v"]) @ codes
    assert within(drawn[:, None] == (bits(4) @ codes)[None, :], law)
    assert not within(drawn[:, None] == (bits(4) @ codes)[None, :], np.full(16, 1 / 16))


def test_both_directions_hold_the_truth_between_them() -> None:
    rbm, params = model(RBM), rbm_params()
    truth = float(log_normalizer(rbm, params, {}))
    draws = exact_draws(rbm, params, KEY, 20_000)
    down = np.asarray(_down(rbm, 5, params, KEY, draws))
    assert within(np.exp(down + truth), 1.0)
    # The twin: from draws that are not the model's, the weights have another mean.
    noise = begin(energy_variables(rbm), KEY, 20_000, {})
    assert not within(np.exp(np.asarray(_down(rbm, 5, params, KEY, noise)) + truth), 1.0)
    found = bracket(rbm, params, KEY, 50, 200)
    assert found.kind == "bound"
    assert found.stderr is not None
    low, high = (float(v) for v in found)
    assert low - ERRORS * found.stderr[0] < truth < high + ERRORS * found.stderr[1]


@pytest.mark.parametrize("method", ["ais(temperatures = 200)", "bridge(levels = 20)"])
def test_log_p_has_the_error_of_log_z_which_no_mean_lessens(method: str) -> None:
    fit = dgm.parse(QUARTIC).with_params({"c": 0.8})
    x = np.random.default_rng(0).normal(size=(50, 2))
    found = fit.log_prob(x, method=method)
    truth = -np.sum(x**4, 1) / 4 + 0.8 * x[:, 0] * x[:, 1] - quartic(0.8)
    assert found.kind == "estimate"
    one = error(found[0])
    assert np.all(np.abs(np.asarray(found) - truth) < ERRORS * one)
    assert np.ptp(np.asarray(found) - truth) < 1e-3  # one error, the same for all
    assert error(found.mean()) == pytest.approx(one)
    assert error(found[:7].mean()) == pytest.approx(one)
    bits_per_dim = fit.bits_per_dim(x, method=method)
    assert error(bits_per_dim.mean()) == pytest.approx(one / (2 * np.log(2)))
    # The twin: errors of examples that are independent average out.
    alone = dgm.Result(found.value, "estimate", found.stderr)
    assert error(alone.mean()) == pytest.approx(one / np.sqrt(50))


def test_a_normaliser_for_each_given() -> None:
    fit = dgm.load(EXAMPLES / "ising_denoise.dgm", side=4, J=0.4, η=0.6).with_params({})
    x = np.stack([np.ones((4, 4)), np.where(np.indices((4, 4)).sum(0) % 2, 1.0, -1.0)])
    exact = fit.log_normalizer(given={"x": x})
    found = fit.log_normalizer(given={"x": x}, method="ais(temperatures = 200)")
    assert exact.kind == "exact"
    assert np.all(np.abs(found.value - exact.value) < ERRORS * np.asarray(found.stderr))
    assert abs(float(found[1]) - float(exact[0])) > ERRORS * error(found[1])


def test_what_is_clamped_is_held() -> None:
    """log Σ_h exp(−E(v, h)) of an RBM is its free energy's negative."""
    rbm, params = example("rbm", visible=4, hidden=3), rbm_params()
    fit = dgm.load(EXAMPLES / "rbm.dgm", visible=4, hidden=3).with_params(params)
    v = np.array([1.0, 0.0, 1.0, 1.0])
    found = fit.log_normalizer(given={"v": v}, method="ais(temperatures = 100)")
    truth = float(rbm.log_prob(params, {"v": jnp.asarray(v)}))
    assert abs(float(found[0]) - truth) < ERRORS * error(found[0])
    assert abs(float(found[0]) - float(log_normalizer(rbm, params, {}))) > 1.0

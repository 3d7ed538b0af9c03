"""The two sides' gradients against integrals, and who owns what."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.nce import LOG_NORMALIZER
from dgmlang.objectives.objective import Params
from dgmlang.registry import implementation
from tests.objectives.models import arrays, example, model, within

pytestmark = pytest.mark.usefixtures("x64")

PAIRED = """model Paired {
  param a : real
  param m : real
  param r : real
  data x : real
  energy -log(exp(-exp(a) * x ** 2 / 2))
  noise { x ~ Normal(m, exp(r)) }
}"""
"""N(0, exp(−a)) by an energy of which nothing is seen, against N(m, exp(r)²)."""

PARAMS = {"a": 0.3, "m": 0.8, "r": -0.2, LOG_NORMALIZER: 0.7}
GRID = np.linspace(-12, 12, 4001)
MEAN, SPREAD = -0.4, 1.2
"""Of the data's Gaussian."""


def normal(x, mean, spread):
    return jnp.exp(-0.5 * ((x - mean) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))


def integral(params: Params):
    """The value of the game by quadrature."""
    q = normal(GRID, params["m"], jnp.exp(params["r"]))
    odds = -jnp.exp(params["a"]) * GRID**2 / 2 - params[LOG_NORMALIZER] - jnp.log(q)
    won = normal(GRID, MEAN, SPREAD) * jax.nn.log_sigmoid(odds) + q * jax.nn.log_sigmoid(-odds)
    return jnp.sum(won) * (GRID[1] - GRID[0])


def slopes(player: str) -> tuple[list[str], Params]:
    """A side's own parameters, and its gradients on 2000 batches."""
    objective = implementation("objective", "fce")(model(PAIRED))
    side = next(p for p in objective.players if p.name == player)
    rng, runs = np.random.default_rng(0), 2000
    batches = arrays(x=rng.normal(MEAN, SPREAD, size=(runs, 20)))
    keys = jax.random.split(jax.random.key(1), runs)
    grad = jax.grad(lambda p, batch, key: side.loss(p, {}, batch, key)[0])
    found = jax.vmap(grad, in_axes=(None, 0, 0))(arrays(**PARAMS), batches, keys)
    return [name for name in PARAMS if side.owns(name)], found


def test_the_energy_s_gradient_is_that_of_the_integral() -> None:
    own, found = slopes("model")
    assert own == ["a", LOG_NORMALIZER]
    truth, other = (jax.grad(integral)(arrays(**{**PARAMS, "m": m})) for m in (0.8, 0.5))
    assert all(within(found[name], -float(truth[name])) for name in own)
    # The twin: against the integral of another noise.
    assert not all(within(found[name], -float(other[name])) for name in own)


def test_the_noise_s_gradient_goes_through_its_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    own, found = slopes("noise")
    assert own == ["m", "r"]
    truth = jax.grad(integral)(arrays(**PARAMS))
    assert all(within(found[name], float(truth[name])) for name in own)
    # The twin: draws that carry no gradient.
    draw = Lowered.noise_draw
    monkeypatch.setattr(Lowered, "noise_draw", lambda *args: jax.lax.stop_gradient(draw(*args)))
    _, found = slopes("noise")
    assert not all(within(found[name], float(truth[name])) for name in own)


def test_the_loss_where_energy_and_noise_are_one() -> None:
    objective = implementation("objective", "fce")(model(PAIRED))
    log_z = 0.5 * np.log(2 * np.pi * 4.0)
    params = arrays(a=-np.log(4.0), m=0.0, r=np.log(2.0), **{LOG_NORMALIZER: log_z})
    x = arrays(x=2.0 * np.random.default_rng(0).normal(size=50))
    loss, (_, metrics) = objective.players[1].loss(params, {}, x, jax.random.key(0))
    assert float(loss) == pytest.approx(2 * np.log(2.0))
    assert set(metrics) == {LOG_NORMALIZER, "accuracy"}


def test_a_flow_of_the_library_belongs_to_the_noise() -> None:
    lowered = example("flow_contrastive")
    objective = implementation("objective", "fce")(lowered)
    owned = {p.name: [n for n in lowered.names if p.owns(n)] for p in objective.players}
    assert owned == {"noise": ["noise"], "model": ["E"]}

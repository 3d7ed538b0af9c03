"""The sampler against the law that it must reach, and its entropy against the true one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dgmlang.objectives.adversarial import SAMPLER, _Sampler
from dgmlang.objectives.objective import Params
from dgmlang.registry import implementation
from tests.objectives.models import OPAQUE, arrays, model


def trained(entropy: float, steps: int) -> tuple[Params, np.ndarray, float]:
    """A sampler against the fixed law N(0, ¼): its draws, and the entropy that it claims."""
    lowered = model(OPAQUE)
    objective = implementation("objective", "adversarial")(lowered, entropy=entropy)
    x = arrays(x=np.random.default_rng(0).normal(0.3, 1.0, 64))
    side = next(p for p in objective.players if p.name == "sampler")
    params = {**arrays(a=np.log(4.0)), **objective.companions(jax.random.key(0), x)}
    assert [name for name in params if side.owns(name)] == [SAMPLER]
    optimizer = optax.adam(optax.linear_schedule(3e-3, 0.0, steps))

    @jax.jit
    def run(own: Params) -> Params:
        def loss(own: Params, key: jax.Array) -> jax.Array:
            return side.loss({**params, SAMPLER: own}, {}, x, key)[0]

        def one(carried: Any, key: jax.Array) -> Any:
            own, state = carried
            updates, state = optimizer.update(jax.grad(loss)(own, key), state)
            return (optax.apply_updates(own, updates), state), None

        keys = jax.random.split(jax.random.key(1), steps)
        return jax.lax.scan(one, (own, optimizer.init(own)), keys)[0][0]

    found = {**params, SAMPLER: run(params[SAMPLER])}
    drawn, bound = _Sampler(lowered).draw(found, jax.random.key(2), 20_000)
    return found, np.asarray(drawn["x"]), float(bound)


def test_a_sampler_with_entropy_reaches_the_law() -> None:
    _, drawn, bound = trained(1.0, 1500)
    truth = 0.5 * np.log(2 * np.pi * np.e * 0.25)
    # KL(sampler ‖ law) in the bound: what is lost of entropy and what is gained of energy.
    lost = float(np.mean(drawn**2) * 2.0 - 0.5) + truth - bound
    assert -0.05 < lost < 0.1
    assert np.std(drawn) == pytest.approx(0.5, rel=0.12)
    assert bound < truth + 0.05
    # The twin: without entropy all draws end where the energy is least.
    _, collapsed, _ = trained(0.0, 1500)
    assert np.std(collapsed) < 0.4


def test_the_energy_s_loss_is_the_gap() -> None:
    lowered = model(OPAQUE)
    objective = implementation("objective", "adversarial")(lowered)
    x = arrays(x=np.linspace(-1, 2, 50))
    params = {**arrays(a=0.3), **objective.companions(jax.random.key(0), x)}
    side = next(p for p in objective.players if p.name == "model")
    key = jax.random.key(5)
    value, (_, metrics) = side.loss(params, {}, x, key)
    drawn, _ = _Sampler(lowered).draw(params, key, 50)
    gap = float(jnp.exp(0.3) / 2 * (jnp.mean(x["x"] ** 2) - jnp.mean(drawn["x"] ** 2)))
    assert float(value) == pytest.approx(gap, rel=1e-4)
    assert float(metrics["energy_gap"]) == pytest.approx(gap, rel=1e-4)

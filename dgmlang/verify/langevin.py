"""Langevin transitions of a small instance, right and with a mistake."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.objectives.objective import Values
from dgmlang.samplers.adjusted import evaluated, transition
from dgmlang.samplers.mala import Mala
from dgmlang.samplers.target import target
from dgmlang.verify.instance import Instance

CENTRES, SHORT = 512, 300
"""Chains, and their steps, that show where a continuous law has its mass."""

LONG = 3.0
"""ε, in steps that are accepted as often as they should be: so long that the correction matters."""

Moves = tuple[Callable[[Array, Values], Values], Callable[[Array, Values], Values], str]
"""A transition, the same with a mistake, and the mistake in words."""


@lru_cache(maxsize=1)
def settled(instance: Instance) -> tuple[Values, Array]:
    """The ends of short chains [CENTRES, …], and the step that they adapted to."""
    chain = Mala(instance.lowered, steps=SHORT, warmup=SHORT)
    given = {n: jnp.broadcast_to(v, (CENTRES, *v.shape)) for n, v in instance.given.items()}
    ends, info = chain.draw(instance.params, instance.key("centres"), CENTRES, given)
    return ends, info["step"]


def mala(instance: Instance) -> Moves:
    """One adjusted transition; the mistake is to leave the adjustment out."""
    free = target(instance.lowered, instance.given)
    step = LONG * settled(instance)[1]

    def move(key: Array, values: Values, *, adjust: bool) -> Values:
        log_density = free.log_density(instance.params, instance.given)
        state = evaluated(log_density, free.flat(values))
        if adjust:
            return free.unflat(transition(log_density, key, state, step)[0].x)
        noise = jax.random.normal(key, state.x.shape)
        return free.unflat(state.x + 0.5 * step * state.gradient + jnp.sqrt(step) * noise)

    def right(key: Array, values: Values) -> Values:
        return move(key, values, adjust=True)

    def wrong(key: Array, values: Values) -> Values:
        return move(key, values, adjust=False)

    return right, wrong, "every proposal accepted"

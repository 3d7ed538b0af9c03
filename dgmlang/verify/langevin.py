"""Langevin transitions of a small instance, right and with a mistake."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.objectives.objective import Values
from dgmlang.samplers.adjusted import evaluated, transition
from dgmlang.samplers.mala import Mala
from dgmlang.samplers.target import moved
from dgmlang.verify.instance import Instance

CENTRES, SHORT = 512, 300
"""Chains, and their steps, that show where a continuous law has its mass."""

LONG = 3.0
"""ε, in steps that are accepted as often as they should be: so long that the correction matters."""

Moves = tuple[Callable[[Array, Values], Values], Callable[[Array, Values], Values], str]
"""A transition, the same with a mistake, and the mistake in words."""


def settled(instance: Instance) -> tuple[Values, Array]:
    """The ends of short chains [CENTRES, …], and the step that they adapted to."""
    chain = Mala(instance.lowered, steps=SHORT, warmup=SHORT)
    given = {n: jnp.broadcast_to(v, (CENTRES, *v.shape)) for n, v in instance.given.items()}
    ends, info = chain.draw(instance.params, instance.key("centres"), CENTRES, given)
    return ends, info["step"]


def mala(instance: Instance) -> Moves:
    """One adjusted transition; the mistake is to leave the adjustment out."""
    names = [v.name for v in moved(instance.lowered)]
    step = LONG * settled(instance)[1]

    def move(key: Array, values: Values, *, adjust: bool) -> Values:
        flat, unflat = ravel_pytree({name: values[name] for name in names})

        def log_density(x: Array) -> Array:
            return instance.marginal_log_prob(unflat(x))

        state = evaluated(log_density, flat)
        if adjust:
            return unflat(transition(log_density, key, state, step)[0].x)
        noise = jax.random.normal(key, flat.shape)
        return unflat(flat + 0.5 * step * state.gradient + jnp.sqrt(step) * noise)

    def right(key: Array, values: Values) -> Values:
        return move(key, values, adjust=True)

    def wrong(key: Array, values: Values) -> Values:
        return move(key, values, adjust=False)

    return right, wrong, "every proposal accepted"

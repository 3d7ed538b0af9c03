"""Checkerboard sweeps of an Ising lattice in plain JAX: each colour an array, chains last."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

State = tuple[Array, Array]
"""The even and the odd sites, [side, side / 2, chains]."""


def start(side: int, chains: int) -> State:
    """All spins up."""
    return jnp.ones((side, side // 2, chains)), jnp.ones((side, side // 2, chains))


@partial(jax.jit, static_argnums=2)
def sweeps(state: State, key: Array, count: int, coupling: float = 0.44) -> State:
    """So many sweeps, even sites before odd ones."""
    odd_line = (jnp.arange(state[0].shape[0]) % 2 == 1)[:, None, None]

    def drawn(others: Array, key: Array, ahead: Array) -> Array:
        beside = jnp.where(ahead, jnp.roll(others, -1, 1), jnp.roll(others, 1, 1))
        field = jnp.roll(others, 1, 0) + jnp.roll(others, -1, 0) + others + beside
        noise = jax.random.uniform(key, others.shape)
        return jnp.where(noise < jax.nn.sigmoid(2 * coupling * field), 1.0, -1.0)

    def sweep(state: State, i: Array) -> tuple[State, None]:
        first, second = jax.random.split(jax.random.fold_in(key, i))
        even = drawn(state[1], first, odd_line)
        return (even, drawn(even, second, ~odd_line)), None

    return lax.scan(sweep, state, jnp.arange(count))[0]

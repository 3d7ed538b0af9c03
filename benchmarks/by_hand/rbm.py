"""The step of a restricted Boltzmann machine 784 × 500 by PCD-1 in plain JAX: Adam, 128 chains."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from benchmarks.by_hand.epochs import Run

BATCH = CHAINS = 128
ADAM = optax.adam(1e-3)

Params = dict[str, Any]


class Carry(NamedTuple):
    """What a step changes; `total` adds up the losses."""

    params: Params
    moments: Any
    visible: Array
    key: Array
    step: Array
    total: Array


def free_energy(params: Params, v: Array) -> Array:
    """The free energy of visible states, [n]."""
    inner = v @ params["W"] + params["c"][None]
    return -v @ params["b"] - jnp.sum(jax.nn.softplus(inner), axis=1)


def swept(params: Params, v: Array, key: Array) -> Array:
    """Visible states after a sweep."""
    first, second = jax.random.split(key)
    h = drawn(first, v @ params["W"] + params["c"][None])
    return drawn(second, h @ params["W"].T + params["b"][None])


def drawn(key: Array, odds: Array) -> Array:
    return (jax.random.uniform(key, odds.shape) < jax.nn.sigmoid(odds)).astype(odds.dtype)


@partial(jax.jit, donate_argnums=0)
def advance(carry: Carry, data: Array, order: Array, stop: Array) -> Carry:
    """The carry after step `stop`."""
    whole = data.shape[0] // BATCH

    def step(carry: Carry) -> Carry:
        key, own = jax.random.split(carry.key)
        rows = lax.dynamic_slice(order, (carry.step % whole * BATCH,), (BATCH,))
        visible = swept(carry.params, carry.visible, own)

        def loss(params: Params) -> Array:
            gap = jnp.mean(free_energy(params, data[rows]))
            return gap - jnp.mean(free_energy(params, visible))

        value, slope = jax.value_and_grad(loss)(carry.params)
        update, moments = ADAM.update(slope, carry.moments)
        params: Any = optax.apply_updates(carry.params, update)
        return Carry(params, moments, visible, key, carry.step + 1, carry.total + value)

    return lax.while_loop(lambda c: c.step < stop, step, carry)


def run(params: Params, data: np.ndarray) -> Run:
    """A training run from parameters, which stay as they are; chains start at the first rows."""
    copied, chains = jax.tree.map(jnp.array, params), jnp.asarray(data[:CHAINS])
    zero = jnp.int32(0), jnp.float32(0)
    begin = Carry(copied, ADAM.init(copied), chains, jax.random.key(1), *zero)
    return Run(begin, advance, data, BATCH)

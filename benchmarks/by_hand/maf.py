"""The step of a masked autoregressive flow in plain JAX: 5 layers of 64 and 64, 8 entries.

Layers are unrolled, which is the fastest to run; masks are constants, batches are whole matrices.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax
from jax.nn import swish

from benchmarks.by_hand.epochs import Run

BATCH, ENTRIES, LAYERS, HIDDEN = 256, 8, 5, 64
ADAM = optax.adam(1e-3)

Params = dict[str, Any]


class Carry(NamedTuple):
    """What a step changes; `total` adds up the losses."""

    params: Params
    moments: Any
    step: Array
    total: Array


def masks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those of MADE, degrees spread evenly."""
    hidden = 1 + np.floor((np.arange(HIDDEN) + 0.5) / HIDDEN * (ENTRIES - 1)).astype(int)
    outputs = np.repeat(np.arange(ENTRIES), 2)
    first = np.arange(1, ENTRIES + 1)[:, None] <= hidden
    last = hidden[:, None] <= outputs
    middle = hidden[:, None] <= hidden
    return first.astype(np.float32), middle.astype(np.float32), last.astype(np.float32)


def loss(params: Params, y: Array) -> Array:
    """The negative log-likelihood, a mean over y [batch, entries]."""
    first, middle, last = masks()
    total = jnp.zeros(len(y))
    for i in reversed(range(LAYERS)):
        own = jax.tree.map(lambda a, i=i: a[i], params["x"]["repeat"]["maf"])
        y = y[:, ::-1]
        h = swish(y @ (own["made"]["0"]["kernel"] * first) + own["made"]["0"]["bias"][None])
        h = swish(h @ (own["made"]["1"]["kernel"] * middle) + own["made"]["1"]["bias"][None])
        raw = h @ (own["head"]["kernel"] * last) + own["head"]["bias"][None]
        log_scale = 2.0 * jnp.tanh(raw[:, 1::2] / 2.0)
        y = (y - raw[:, ::2]) * jnp.exp(-log_scale)
        total = total + jnp.sum(log_scale, axis=1)
    return jnp.mean(total + 0.5 * jnp.sum(y**2, axis=1)) + 0.5 * ENTRIES * jnp.log(2 * jnp.pi)


@partial(jax.jit, donate_argnums=0)
def advance(carry: Carry, data: Array, order: Array, stop: Array) -> Carry:
    """The carry after step `stop`."""
    whole = data.shape[0] // BATCH

    def step(carry: Carry) -> Carry:
        rows = lax.dynamic_slice(order, (carry.step % whole * BATCH,), (BATCH,))
        value, slope = jax.value_and_grad(loss)(carry.params, data[rows])
        update, moments = ADAM.update(slope, carry.moments)
        params: Any = optax.apply_updates(carry.params, update)
        return Carry(params, moments, carry.step + 1, carry.total + value)

    return lax.while_loop(lambda c: c.step < stop, step, carry)


def run(params: Params, data: np.ndarray) -> Run:
    """A training run from parameters, which stay as they are."""
    copied = jax.tree.map(jnp.array, params)
    begin = Carry(copied, ADAM.init(copied), jnp.int32(0), jnp.float32(0))
    return Run(begin, advance, data, BATCH)

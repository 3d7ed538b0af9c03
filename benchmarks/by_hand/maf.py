"""The step of a masked autoregressive flow in plain JAX: 5 layers of 64 and 64, 8 entries.

Layers are unrolled, which is the fastest to run; masks are constants, batches are whole matrices.
The other direction computes each unit once; entries are unrolled too.
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


DEGREES = 1 + np.floor((np.arange(HIDDEN) + 0.5) / HIDDEN * (ENTRIES - 1)).astype(int)
"""Those of hidden units, ascending and evenly spread."""


def masks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those of MADE."""
    outputs = np.repeat(np.arange(ENTRIES), 2)
    first = np.arange(1, ENTRIES + 1)[:, None] <= DEGREES
    last = DEGREES[:, None] <= outputs
    middle = DEGREES[:, None] <= DEGREES
    return first.astype(np.float32), middle.astype(np.float32), last.astype(np.float32)


def layers(params: Params, name: str) -> list[Params]:
    """The parameters of each layer, `maf` or `iaf`."""
    stacked = params["x"]["repeat"][name]
    return [jax.tree.map(lambda a, i=i: a[i], stacked) for i in range(len(stacked["head"]["bias"]))]


def at_once(own: Params, y: Array) -> tuple[Array, Array]:
    """The shift and the log of the scale of each entry, from all of them."""
    first, middle, last = masks()
    h = swish(y @ (own["made"]["0"]["kernel"] * first) + own["made"]["0"]["bias"][None])
    h = swish(h @ (own["made"]["1"]["kernel"] * middle) + own["made"]["1"]["bias"][None])
    raw = h @ (own["head"]["kernel"] * last) + own["head"]["bias"][None]
    return raw[:, ::2], 2.0 * jnp.tanh(raw[:, 1::2] / 2.0)


def one_by_one(own: Params, value: Array, sign: int) -> tuple[Array, Array]:
    """The entries that the net reads, and log of their scales.

    `sign` 1 scales and shifts the value, -1 takes that back. Each unit is computed once, when the
    last entry that it sees is known.
    """
    weights = [*own["made"].values(), own["head"]]
    outputs = np.repeat(np.arange(ENTRIES), 2)
    known: list[Any] = [jnp.zeros((len(value), 0))] * 3
    log_scales = []
    for m in range(ENTRIES):
        for i, degrees in enumerate([DEGREES, DEGREES]):
            new = np.flatnonzero(degrees == m)
            known[i + 1] = _with(known[i + 1], swish(_affine(weights[i], known[i], new)))
        shift, raw = _affine(weights[2], known[2], np.flatnonzero(outputs == m)).T
        log_scale = 2.0 * jnp.tanh(raw / 2.0)
        here = value[:, m]
        entry = here * jnp.exp(log_scale) + shift
        entry = entry if sign > 0 else (here - shift) * jnp.exp(-log_scale)
        known[0] = _with(known[0], entry[:, None])
        log_scales.append(log_scale)
    return known[0], jnp.stack(log_scales, 1)


def _affine(own: Params, known: Array, units: np.ndarray) -> Array:
    if not len(units):
        return jnp.zeros((len(known), 0))
    columns = slice(units[0], units[-1] + 1)
    return known @ own["kernel"][: known.shape[1], columns] + own["bias"][None, columns]


def _with(known: Array, new: Array) -> Array:
    return jnp.concatenate([known, new], 1)


def log_prob(params: Params, y: Array, name: str = "maf") -> Array:
    """Of each row of y [batch, entries]."""
    total = jnp.zeros(len(y))
    for own in reversed(layers(params, name)):
        y = y[:, ::-1]
        if name == "maf":
            shift, log_scale = at_once(own, y)
            y = (y - shift) * jnp.exp(-log_scale)
        else:
            y, log_scale = one_by_one(own, y, -1)
        total = total - jnp.sum(log_scale, axis=1)
    return total - 0.5 * jnp.sum(y**2, axis=1) - 0.5 * ENTRIES * jnp.log(2 * jnp.pi)


def pushed(params: Params, z: Array, name: str = "maf") -> Array:
    """What the rows of z, standard normal, are drawn to."""
    for own in layers(params, name):
        if name == "maf":
            z, _ = one_by_one(own, z, 1)
        else:
            shift, log_scale = at_once(own, z)
            z = z * jnp.exp(log_scale) + shift
        z = z[:, ::-1]
    return z


def loss(params: Params, y: Array) -> Array:
    """The negative log-likelihood, a mean over y [batch, entries]."""
    return -jnp.mean(log_prob(params, y))


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

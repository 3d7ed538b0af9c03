"""The forward algorithm of a Gaussian HMM in plain JAX: scaled probabilities, examples last.

Source: Rabiner 1989, sec. V.A. The gradient is JAX's own, through the scan.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Weights(NamedTuple):
    """Probabilities `start` [K] and `step` [K, K], means `loc` [K] and deviations `scale` [K]."""

    start: Array
    step: Array
    loc: Array
    scale: Array


def log_prob(weights: Weights, x: Array) -> Array:
    """The sum of log p(x) over examples, x [examples, turns]."""
    start, step, loc, scale = weights
    loc, scale = loc[None, :, None], scale[None, :, None]
    each = -0.5 * ((x.T[:, None] - loc) / scale) ** 2 - jnp.log(scale) - 0.5 * jnp.log(2 * jnp.pi)
    top = lax.stop_gradient(each.max(1))
    seen = jnp.exp(each - top[:, None])

    def turn(before: Array, seen: Array) -> tuple[Array, Array]:
        here = (step.T @ before) * seen
        total = here.sum(0)
        return here / total[None], total

    first = start[:, None] * seen[0]
    _, totals = lax.scan(turn, first / first.sum(0)[None], seen[1:])
    return jnp.sum(jnp.log(totals)) + jnp.sum(jnp.log(first.sum(0))) + jnp.sum(top)


value = jax.jit(log_prob)
value_and_grad = jax.jit(jax.value_and_grad(log_prob))

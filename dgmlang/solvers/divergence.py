"""The divergence of a vector field, exact or by random directions.

Source: Hutchinson 1990; Grathwohl et al. 2019, FFJORD, sec. 3.1, arXiv:1810.01367.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

UNROLLED = 4
"""Directions up to which products stand one after the other; beyond, they go by a loop."""


def divergence(
    field: Callable[[Array], Array], x: Array, probes: Array | None
) -> tuple[Array, Array]:
    """The field at x, and tr ∇field [1], or vᵀ ∇field v [k] of the probes v [k, n], x having n.

    The field is linearised once, and multiplied by one direction at a time, so that memory does
    not grow with the dimension.
    """
    value, product = jax.linearize(lambda flat: field(flat.reshape(x.shape)).reshape(-1), x.ravel())
    directions = jnp.eye(x.size, dtype=x.dtype) if probes is None else probes

    def along(v: Array) -> Array:
        return jnp.vdot(v, product(v))

    if len(directions) > UNROLLED:
        slopes = jax.lax.map(along, directions)
    else:
        slopes = jnp.stack([along(v) for v in directions])
    if probes is None:
        slopes = jnp.sum(slopes, keepdims=True)
    return value.reshape(x.shape), slopes


def probes(key: Array, count: int, n: int, dtype: jnp.dtype) -> Array:
    """Directions [count, n] with entries ±1, for which vᵀ A v has the mean tr A."""
    return jax.random.rademacher(key, (count, n), dtype)

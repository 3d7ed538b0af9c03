"""Whole numbers after arithmetic in floating point, NaN where one is missing."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.missing import ABSENT

ROUNDING = 8
"""Units of rounding that a chain of steps may be off a whole number."""


def near(x: Array) -> Array:
    """The whole number where rounding alone keeps an entry from it: 41 · (1/41) is below 1."""
    nearest = jnp.round(x)
    rounding = ROUNDING * jnp.finfo(x.dtype).eps * jnp.maximum(1.0, jnp.abs(x))
    return jnp.where(jnp.abs(x - nearest) <= rounding, nearest, x)


def integers(x: Array) -> Array:
    """Whole numbers as integers, −1 where one is missing."""
    return jnp.nan_to_num(x, nan=ABSENT).astype(jnp.int32)

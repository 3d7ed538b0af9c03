"""What stands behind the ends of sequences within a preparation: ∞, as on the host."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lengths import mark
from dgmlang.compiler.program import Variable
from dgmlang.runtime.wholes import integers


def end_of(variable: Variable) -> float | None:
    """What stands behind the end of a stored variable, if examples differ in their lengths."""
    return float(mark(variable.type.kind)) if variable.type.varying else None


def with_marks(x: Array, end: float | None) -> Array:
    """Whole numbers as integers, as they are stored: with their own mark in place of ∞."""
    found = integers(x)
    return found if end is None else jnp.where(jnp.isposinf(x), jnp.int32(end), found)


def infinite(x: Array, end: float | None) -> Array:
    """Numbers with ∞ in place of their mark."""
    return x if end is None else jnp.where(x == end, jnp.inf, jnp.asarray(x, float))


def ended(x: Array, lead: int) -> Array:
    """Which turns, over `lead` axes, stand behind the end: all of such a one is marked."""
    return jnp.all(jnp.isposinf(x), axis=tuple(range(lead, x.ndim)))


def over(rows: Array, like: Array) -> Array:
    """What holds of rows, at every entry of an array of them."""
    return rows.reshape(-1, *(1,) * (like.ndim - 1))

"""Values that an example lacks: how they are stored, and what stands in for them.

A missing entry is NaN where the kind is stored as floats and −1 where it is stored as integers, as
`embed` and the sums over states expect.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.lower.domains import INTEGERS, dtype, plain
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers

ABSENT = -1
"""A missing class or count."""


def mask(name: str) -> str:
    """The key, among values, of where the data that a guide filled in were missing."""
    return f"{name}?"


def absent(variable: Variable) -> Array:
    """The variable's value where an example lacks all of it."""
    kind = variable.type.kind
    nothing = ABSENT if kind.name in INTEGERS else jnp.nan
    return jnp.full(numbers(variable.type.array_shape), nothing, dtype(kind))


def lacking(value: ArrayLike) -> Array:
    """Where a stored value is missing, entry by entry."""
    array = jnp.asarray(value)
    return jnp.isnan(array) if jnp.issubdtype(array.dtype, jnp.floating) else array == ABSENT


def agrees(state: ArrayLike, seen: ArrayLike) -> Array:
    """Whether a full value is what an example holds, wherever it holds something."""
    return jnp.all(lacking(seen) | (jnp.asarray(state) == jnp.asarray(seen)))


def somewhere_inside(variable: Variable, value: ArrayLike) -> Array:
    """The value with its missing entries exchanged for some value of the kind.

    A density needs one even where its result is thrown away, or its gradient is NaN.
    """
    array = jnp.asarray(value)
    other = plain(variable.type.kind, numbers(variable.type.array_shape))
    return jnp.where(lacking(array), other.astype(array.dtype), array)

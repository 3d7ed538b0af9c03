"""What an example lacks, for guides: where it is, and values in its place."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.registry import implements


@implements("fn", "observed")
def observed(x: Array, *, seen: Array, apart: int) -> Array:
    """1 where the value is there, along its first `apart` axes; behind, none is there alone."""
    found = jnp.all(seen, axis=tuple(range(apart, seen.ndim)))
    return found.astype(jnp.result_type(float))


@implements("fn", "fill")
def fill(x: Array, value: ArrayLike, *, seen: Array, apart: int) -> Array:
    """The value where it is there, else another."""
    return jnp.where(seen, x, jnp.asarray(value, x.dtype))

"""Functions of whole arrays: reductions, products, rearrangements and constants."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.registry import implements

implements("fn", "matmul")(jnp.matmul)
implements("fn", "sum")(jnp.sum)
implements("fn", "mean")(jnp.mean)
implements("fn", "max")(jnp.max)
implements("fn", "min")(jnp.min)
implements("fn", "logsumexp")(jax.nn.logsumexp)


@implements("fn", "softmax")
def softmax(x: Array, *, axis: int = -1) -> Array:
    """The exponentials along an axis, divided by their sum; JAX's own takes no integers."""
    return jax.nn.softmax(jnp.asarray(x, jnp.result_type(x, float)), axis)


@implements("fn", "one_hot")
def one_hot(x: Array, *, levels: int) -> Array:
    """Class k of `levels` as zeros with a one at place k, on a new last axis."""
    return jax.nn.one_hot(x, levels)


@implements("fn", "concat")
def concat(*parts: Array, axis: int = -1) -> Array:
    """The parts side by side; numbers count as vectors of one entry."""
    return jnp.concatenate([jnp.atleast_1d(part) for part in parts], axis)


@implements("fn", "shift")
def shift(x: Array, *, k: int, axis: int) -> Array:
    """Entry i of the result is entry i − k of x, modulo the axis's length."""
    return jnp.roll(x, k, axis)


@implements("fn", "ones")
def ones(*, n: int) -> Array:
    """N ones."""
    return jnp.ones(n)


@implements("fn", "zeros")
def zeros(*, n: int) -> Array:
    """N zeros."""
    return jnp.zeros(n)


@implements("fn", "geometric")
def geometric(*, first: float, last: float, n: int) -> Array:
    """N numbers from `first` to `last`, each the same multiple of the one before."""
    return jnp.geomspace(first, last, n)


@implements("fn", "uniform")
def uniform(*, K: int) -> Array:
    """K equal probabilities."""
    return jnp.full(K, 1.0 / K)

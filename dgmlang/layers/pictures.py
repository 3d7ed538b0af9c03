"""Pictures [h, w, c] with a condition as further channels."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Shape


def channels_of(condition: Shape | None, picture: Shape) -> int:
    """How many channels a condition of this shape adds to a picture of that; 0 without one."""
    if condition is None:
        return 0
    return int(np.prod(condition[2:] if condition[:2] == picture[:2] else condition))


def beside_picture(x: Array, condition: Array | None) -> Array:
    """The picture x with the condition behind its channels.

    A condition of the picture's sides stands place by place; the entries of any other are repeated
    at every place.
    """
    if condition is None:
        return x
    sides = x.shape[:2]
    if condition.shape[:2] == sides:
        return jnp.concatenate([x, condition.reshape(*sides, -1)], axis=-1)
    repeated = jnp.broadcast_to(jnp.ravel(condition), (*sides, condition.size))
    return jnp.concatenate([x, repeated], axis=-1)


def beside_offsets(x: Array, offsets: Sequence[tuple[int, int]]) -> Array:
    """At each place of [h, w, c], what stands at the offsets from it, zeros beyond the edge.

    [h, w, len(offsets) c]: a convolution is its product with a matrix, which on a CPU, and inside a
    scan above all, is faster than XLA's own.
    """
    h, w, _ = x.shape
    up, left = (max(0, *(-o[axis] for o in offsets)) for axis in (0, 1))
    down, right = (max(0, *(o[axis] for o in offsets)) for axis in (0, 1))
    padded = jnp.pad(x, ((up, down), (left, right), (0, 0)))
    copies = [padded[up + i : up + i + h, left + j : left + j + w] for i, j in offsets]
    return jnp.concatenate(copies, axis=-1)


def as_numbers(x: Array, levels: int | None) -> Array:
    """Entries as numbers; those of `levels` levels evenly over [−1, 1]."""
    x = jnp.asarray(x)
    if levels is None or jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(jnp.result_type(float)) if x.dtype.kind in "iub" else x
    return x * (2.0 / max(levels - 1, 1)) - 1.0

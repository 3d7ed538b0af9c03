"""Pictures [h, w, c] with a condition as further channels."""

from __future__ import annotations

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

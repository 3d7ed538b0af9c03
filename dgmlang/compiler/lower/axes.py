"""Arrays whose axes are lined up: ranks made equal, sites put in another order."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


def same_rank(*values: ArrayLike) -> list[ArrayLike]:
    """Missing leading axes as axes of length 1; single numbers stay as they are."""
    rank = max(jnp.ndim(v) for v in values)
    return [
        v if jnp.ndim(v) in (0, rank) else jnp.expand_dims(v, tuple(range(rank - jnp.ndim(v))))
        for v in values
    ]


def reorder(value: ArrayLike, order: np.ndarray) -> Array:
    """Entry i of the result is entry order[i], over the leading axes that hold the sites."""
    array = jnp.asarray(value)
    sites = next(n for n in range(array.ndim + 1) if int(np.prod(array.shape[:n])) == order.size)
    flat = array.reshape(order.size, *array.shape[sites:])
    return flat[order].reshape(array.shape)

"""Batches from data on the device, shuffled there; an epoch visits each example at most once.

Batches are numbered through the whole run. Batch b belongs to epoch b // (N // size); the order of
an epoch is a permutation under a key of its number, so any batch can be made again from its number
alone. What is left over of an epoch after whole batches is dropped.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Int

from dgmlang.objectives.objective import Values
from dgmlang.runtime.keys import Purpose, purpose


def length(values: Values) -> int:
    """The number of examples."""
    return int(next(iter(values.values())).shape[0])


def order_at(key: Array, number: Int[Array, ""], count: int, size: int) -> Int[Array, " n"]:
    """The order of the epoch that batch `number` belongs to."""
    epoch = number // (count // size)
    return jax.random.permutation(purpose(key, Purpose.SHUFFLE, epoch), count).astype(jnp.int32)


def take(
    key: Array, order: Int[Array, " n"], number: Int[Array, ""], values: Values, size: int
) -> tuple[Int[Array, " n"], Values]:
    """The order of this batch's epoch (made anew where it begins) and the batch."""
    count = length(values)
    place = number % (count // size)
    order = lax.cond(place == 0, lambda: order_at(key, number, count, size), lambda: order)
    rows = lax.dynamic_slice(order, (place * size,), (size,))
    return order, {
        name: jnp.take(array, rows, axis=0, mode="clip") for name, array in values.items()
    }

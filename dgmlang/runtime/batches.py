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


def length(values: Values) -> int:
    """The number of examples."""
    return int(next(iter(values.values())).shape[0])


def epoch(number: Int[Array, ""], count: int, size: int) -> Int[Array, ""]:
    """The epoch that batch `number` of so many examples belongs to."""
    return number // (count // size)


def order_of(key: Array, count: int) -> Int[Array, " n"]:
    """A permutation: the examples sorted by 64 random bits each, so a tie has odds of n² / 2⁶⁵.

    `jax.random.permutation` sorts twice by 32 bits, which is twice the code in a compiled step.
    """
    high, low = jax.random.bits(key, (2, count))
    return lax.sort((high, low, jnp.arange(count, dtype=jnp.int32)), num_keys=2)[2]


def take(
    key: Array, order: Int[Array, " n"], number: Int[Array, ""], values: Values, size: int
) -> tuple[Int[Array, " n"], Int[Array, " size"], Values]:
    """The order of this batch's epoch (made anew under the key where it begins), rows and batch."""
    count = length(values)
    place = number % (count // size)
    order = lax.cond(place == 0, lambda: order_of(key, count), lambda: order)
    rows = lax.dynamic_slice(order, (place * size,), (size,))
    return (
        order,
        rows,
        {name: jnp.take(array, rows, axis=0, mode="clip") for name, array in values.items()},
    )

"""One seed: a key is `fold_in` of a purpose and a count, so a step draws by its number alone."""

from __future__ import annotations

from enum import IntEnum

import jax
from jax import Array


class Purpose(IntEnum):
    """What a key is for. The numbers are part of every saved run's meaning: add, never renumber."""

    COMPANIONS = 0
    START = 1
    SHUFFLE = 2
    STEP = 3
    PREPARE = 4
    VALIDATE = 5
    SPLIT = 6
    FREEZE = 7


def root(seed: int) -> Array:
    """The key that all others of a run come from."""
    return jax.random.key(seed)


def purpose(key: Array, use: Purpose, count: int | Array = 0) -> Array:
    """The key of one use: `count` is a step, an epoch or a batch."""
    return jax.random.fold_in(jax.random.fold_in(key, int(use)), count)

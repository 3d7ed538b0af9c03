"""One seed: a key is `fold_in` of a purpose and a count, so a step draws by its number alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import jax
import jax.numpy as jnp
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
    CHAINS = 8
    POSTERIOR = 9


def root(seed: int) -> Array:
    """The key that all others of a run come from."""
    return jax.random.key(seed)


def purpose(key: Array, use: Purpose, count: int | Array = 0) -> Array:
    """The key of one use: `count` is a step, an epoch or a batch."""
    return jax.random.fold_in(jax.random.fold_in(key, int(use)), count)


def purposes(key: Array, counts: Mapping[Purpose, Array]) -> dict[Purpose, Array]:
    """`purpose` of each use and its count, as one computation: a step compiles to less code."""
    uses = jnp.array([int(use) for use in counts], jnp.int32)
    together = jnp.stack([jnp.asarray(count, jnp.int32) for count in counts.values()])
    keys = jax.vmap(jax.random.fold_in)(
        jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, uses), together
    )
    return {use: keys[place] for place, use in enumerate(counts)}

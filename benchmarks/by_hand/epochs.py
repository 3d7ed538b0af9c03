"""A training run by hand that goes on for as many steps as it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Advance = Callable[[Any, Array, Array, Array], Any]
"""(carry, data, order of an epoch, step to stop at) → carry, which has a `total`."""


class Run:
    """The data in a new order each epoch, whole batches only."""

    def __init__(self, carry: Any, advance: Advance, data: np.ndarray, batch: int) -> None:
        self.carry, self.advance, self.data = carry, advance, jnp.asarray(data)
        self.whole, self.done, self.epoch = len(data) // batch, 0, -1
        self.order = jnp.arange(len(data))

    def steps(self, n: int) -> None:
        """Take n more steps."""
        end = self.done + n
        while self.done < end:
            if self.done // self.whole != self.epoch:
                self.epoch = self.done // self.whole
                key = jax.random.fold_in(jax.random.key(0), self.epoch)
                self.order = jax.random.permutation(key, len(self.data))
            self.done = min(end, (self.epoch + 1) * self.whole)
            self.carry = self.advance(self.carry, self.data, self.order, jnp.int32(self.done))
        jax.block_until_ready(self.carry.total)

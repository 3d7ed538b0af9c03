"""What a preparation is: a step on one variable's array, on its way into the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.runtime.blocks import Blocks

ROUNDING = 1e-3
"""How far arithmetic in single precision may leave a whole number: 255 · (1/255) − 1 is not 0."""

Fitted = dict[str, np.ndarray]
"""What a step learned from the training data; arrays, so that a run folder holds them."""


@dataclass(frozen=True)
class Range:
    """The values that a step can take.

    `advice` may use {name} and the {largest} value; `below`, for values under `low`, {name} and
    {shift}, the least whole number that brings all of them to 0.
    """

    low: float
    high: float
    whole: bool
    words: str
    advice: str
    below: str

    def leaves_out(self, x: np.ndarray) -> np.ndarray:
        """Which entries are no such values; what is missing is."""
        nearest = np.round(x)
        fraction = self.whole & (np.abs(x - nearest) > ROUNDING)
        x = nearest if self.whole else x
        return ((x < self.low) | (x > self.high) | fraction) & ~np.isnan(x)


@dataclass(frozen=True)
class Step(ABC):
    """One step, with its settings as fields.

    Arrays have a leading axis of examples. `invertible` steps have `invert`; `log_det` is
    log |∂ prepared / ∂ given| of one example, None where the step has no density to speak of. Where
    a step `bounds`, it adds noise within bins, and the density of one draw of it, with `log_det`,
    is on average a lower bound on the log-probability of what was given.
    """

    invertible: ClassVar[bool] = False
    bounds: ClassVar[bool] = False
    takes: ClassVar[Range | None] = None

    def fit(self, x: Blocks) -> Fitted:
        """What `apply` has to know of the training data; nothing, for most."""
        return {}

    def example(self, fitted: Fitted) -> tuple[int, ...] | None:
        """The shape of the examples that `fitted` is for; None where any will do."""
        return None

    def given(self, fitted: Fitted, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that an example came in, of the one that it has when prepared."""
        return shape

    @abstractmethod
    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        """The prepared batch."""

    def invert(self, x: Array, fitted: Fitted) -> Array:
        """The batch as it was given; only of an `invertible` step."""
        raise TypeError(f"{type(self).__name__} cannot be undone")

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array | None:
        """The log-determinant for one example of this prepared shape."""
        return None


def missing_stay(given: Array, prepared: Array) -> Array:
    """The prepared values, NaN where the given ones are."""
    return jnp.where(jnp.isnan(given), jnp.nan, prepared)

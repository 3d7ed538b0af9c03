"""The axis of channels that grey pictures often come without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.prepare.step import Fitted, Step
from dgmlang.registry import implements
from dgmlang.runtime.blocks import Blocks

GREY = 2
"""The axes of a picture without channels: height and width."""


@implements("prepare", "channels")
@dataclass(frozen=True)
class Channels(Step):
    """[height, width] becomes [height, width, 1]; a picture with channels stays as it is.

    Draws come in the form that the training data had.
    """

    invertible: ClassVar[bool] = True

    def fit(self, x: Blocks) -> Fitted:
        return {"added": np.asarray(len(x.shape) == 1 + GREY)}

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return x[..., None] if x.ndim == 1 + GREY else x

    def invert(self, x: Array, fitted: Fitted) -> Array:
        return x[..., 0] if fitted["added"] else x

    def given(self, fitted: Fitted, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:-1] if fitted["added"] else shape

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array:
        return jnp.zeros(())

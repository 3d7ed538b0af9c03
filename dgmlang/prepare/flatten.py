"""One axis for each example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.prepare.step import Fitted, Step
from dgmlang.registry import implements
from dgmlang.runtime.blocks import Blocks


@implements("prepare", "flatten")
@dataclass(frozen=True)
class Flatten(Step):
    """All axes but the first as one, in raster order."""

    invertible: ClassVar[bool] = True

    def fit(self, x: Blocks) -> Fitted:
        return {"shape": np.asarray(x.shape[1:], np.int32)}

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return x.reshape(x.shape[0], -1)

    def invert(self, x: Array, fitted: Fitted) -> Array:
        return x.reshape(x.shape[0], *map(int, fitted["shape"]))

    def given(self, fitted: Fitted, shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(map(int, fitted["shape"]))

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array:
        return jnp.zeros(())

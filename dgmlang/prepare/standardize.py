"""Mean 0 and standard deviation 1, by the training data's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.prepare.step import Fitted, Step
from dgmlang.registry import implements
from dgmlang.runtime.blocks import Blocks


@implements("prepare", "standardize")
@dataclass(frozen=True)
class Standardize(Step):
    """(x − mean) / std, entry by entry of an example; a constant entry is only centred.

    What is missing does not count; an entry that every example lacks is left as it is.
    """

    invertible: ClassVar[bool] = True

    def fit(self, x: Blocks) -> Fitted:
        present = np.maximum(sum(np.sum(~np.isnan(block), axis=0) for block in x), 1)
        mean = sum(np.nansum(block, axis=0, dtype=np.float64) for block in x) / present
        squares = sum(np.nansum((block - mean) ** 2, axis=0, dtype=np.float64) for block in x)
        scale = np.sqrt(squares / present)
        constant = scale <= np.finfo(np.float32).eps * np.abs(mean)  # all that rounding leaves
        scale = np.where(constant, 1.0, scale)
        return {"mean": np.asarray(mean, np.float32), "scale": np.asarray(scale, np.float32)}

    def example(self, fitted: Fitted) -> tuple[int, ...] | None:
        return np.shape(fitted["mean"])

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return (x - jnp.asarray(fitted["mean"])[None]) / jnp.asarray(fitted["scale"])[None]

    def invert(self, x: Array, fitted: Fitted) -> Array:
        return x * jnp.asarray(fitted["scale"])[None] + jnp.asarray(fitted["mean"])[None]

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array:
        return -jnp.sum(jnp.log(fitted["scale"]))

"""A threshold."""

from __future__ import annotations

from dataclasses import dataclass

from jax import Array

from dgmlang.prepare.step import Fitted, Step, missing_stay
from dgmlang.registry import implements


@implements("prepare", "binarize")
@dataclass(frozen=True)
class Binarize(Step):
    """1 where x exceeds the threshold, else 0."""

    threshold: float = 0.5

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return missing_stay(x, (x > self.threshold).astype(x.dtype))

"""A fresh Bernoulli draw of each entry for each batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array

from dgmlang.prepare.step import Fitted, Range, Step, missing_stay
from dgmlang.registry import implements


@implements("prepare", "bernoulli")
@dataclass(frozen=True)
class Bernoulli(Step):
    """b ~ Bernoulli(x), entry by entry.

    Source: Salakhutdinov & Murray 2008, who so binarise grey pictures.
    """

    takes: ClassVar[Range | None] = Range(
        0.0,
        1.0,
        False,
        "a probability in [0, 1]",
        "write `bernoulli({name} / {largest:g})`",
        "write `binarize({name}, 0)`, or `bernoulli(({name} + 1) / 2)` for values in [−1, 1]",
    )

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        ones = jax.random.uniform(key, (x.size,), x.dtype).reshape(x.shape) < x
        return missing_stay(x, ones.astype(x.dtype))

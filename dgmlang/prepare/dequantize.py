"""Uniform noise within the bins of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.prepare.step import Fitted, Range, Step
from dgmlang.registry import implements
from dgmlang.runtime.blocks import Blocks


@implements("prepare", "dequantize")
@dataclass(frozen=True)
class Dequantize(Step):
    """(x + u) / K with u uniform on [0, 1); K is the training data's largest value and one.

    A density of the result, times K^−D (`log_det`), averages under u to at most the probability of
    the whole numbers: a lower bound on their likelihood. What rounding has left of whole numbers
    is rounded back.

    Source: Theis, van den Oord & Bethge 2016, section 3.1 (arXiv 1511.01844).
    """

    bounds: ClassVar[bool] = True
    takes: ClassVar[Range | None] = Range(
        0.0,
        np.inf,
        True,
        "whole numbers from 0",
        "multiply first, as in `dequantize(255 * {name})`",
        "begin at 0, as in `dequantize({name} + {shift})`",
    )

    def fit(self, x: Blocks) -> Fitted:
        return {"levels": np.asarray(np.round(x.largest()) + 1, np.float32)}

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return (jnp.round(x) + jax.random.uniform(key, x.shape, x.dtype)) / fitted["levels"]

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array:
        return -prod(shape) * jnp.log(fitted["levels"])

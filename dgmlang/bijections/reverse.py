"""The entries in the opposite order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


class Flip(AbstractFlow):
    """The last entry in raster order first; its own inverse, of log |det| 0."""

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def push(self, x: Array) -> tuple[Array, Array]:
        return jnp.flip(x), jnp.zeros((), jnp.result_type(x, float))

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self.push(y)


@dataclass(frozen=True)
class Reverse:
    """All axes flipped."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def transform(self, params: Params) -> Flip:
        return Flip(len(self.target))


@implements("bijection", "reverse")
def reverse(settings: Mapping[str, Any], site: Site, build: Builder) -> Reverse:
    """`reverse` on an array of any shape."""
    return Reverse(site.shape)

"""The entries in a fixed random order.

Source: a random permutation between couplings, as in Kingma & Dhariwal 2018, sec. 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.compiler.program.orders import shuffled
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


class Reordered(AbstractFlow):
    """Entry i of y is entry order[i] of x, in raster order; log |det| is 0."""

    def __init__(self, order: NDArray[np.int_], shape: Shape) -> None:
        self.order, self.shape, self.rank = order, shape, len(shape)

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._take(x, self.order)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._take(y, np.argsort(self.order))

    def _take(self, value: Array, order: NDArray[np.int_]) -> tuple[Array, Array]:
        moved = jnp.ravel(value)[order].reshape(self.shape)
        return moved, jnp.zeros((), jnp.result_type(value, float))


@dataclass(frozen=True)
class Permute:
    """A permutation that `seed` fixes; it learns nothing."""

    seed: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def transform(self, params: Params) -> Reordered:
        order = np.array(shuffled(self.seed, int(np.prod(self.target))), int)
        return Reordered(order, self.target)


@implements("bijection", "permute")
def permute(settings: Mapping[str, Any], site: Site, build: Builder) -> Permute:
    """`permute(seed)` on an array of any shape."""
    return Permute(settings["seed"], site.shape)

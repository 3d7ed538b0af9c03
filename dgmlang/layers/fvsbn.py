"""The fully visible belief net: n regressions, each on the entries before it.

Source: Frey 1998; Larochelle & Murray 2011, sec. 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.follow import Followed, Heads
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.layers.made import Made, MaskedDense, masked
from dgmlang.layers.made_steps import follow
from dgmlang.registry import implements


@dataclass(frozen=True)
class Fvsbn:
    """The entries themselves are the features; the heads hold all weights."""

    n: int

    @property
    def target(self) -> Shape:
        return (self.n,)

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def __call__(self, params: Params, x: Array) -> Array:
        return jnp.asarray(x, jnp.result_type(float))

    def follow(self, params: Params, heads: Heads) -> Followed:
        """A MADE without a hidden layer: each entry adds its row of weights to the outputs."""
        return follow(Made((np.arange(1, self.n + 1),), jnp.asarray), {}, heads, None)

    def head(self, shape: Shape) -> MaskedDense:
        """The map to `shape`, whose first axis is n: what stands at i sees the entries before i."""
        outputs = np.repeat(np.arange(self.n), int(np.prod(shape[1:])))
        return masked(np.arange(1, self.n + 1), outputs, shape)


@implements("layer", "fvsbn")
def fvsbn(settings: Mapping[str, Any], site: Site) -> Fvsbn:
    """`fvsbn` on a vector."""
    return Fvsbn(site.size)

"""All axes as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


@dataclass(frozen=True)
class Flatten:
    """The entries in raster order."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def __call__(self, params: Params, x: Array) -> Array:
        return jnp.ravel(x)


@implements("layer", "flatten")
def flatten(settings: Mapping[str, Any], site: Site) -> Flatten:
    """`flatten` on an array of any shape."""
    return Flatten((site.size,))

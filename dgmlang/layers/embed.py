"""A learned vector for each class."""

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
class Embed:
    """k ↦ row k of a table [levels, width], which starts at N(0, 1).

    A class that is absent is −1, and has the last row.
    """

    levels: int
    width: int

    @property
    def target(self) -> Shape:
        return (self.width,)

    def init(self, rng: np.random.Generator) -> Params:
        return {"table": rng.standard_normal((self.levels, self.width), np.float32)}

    def __call__(self, params: Params, x: Array) -> Array:
        return jnp.asarray(params["table"])[x]


@implements("layer", "embed")
def embed(settings: Mapping[str, Any], site: Site) -> Embed:
    """`embed(width)` on a class."""
    if site.levels is None:
        raise TypeError("embed takes a class, and the site has no levels")
    return Embed(site.levels, settings["width"])

"""x plus what a block of layers makes of it (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jax import Array

from dgmlang.layers.layer import Layer, Params, Shape, Site
from dgmlang.registry import implements


class Builder(Protocol):
    """Builds the block that stands behind a layer."""

    def block(self, chain: Any, source: Shape) -> Layer:
        """The chain of layers as one."""
        ...


@dataclass(frozen=True)
class Residual:
    """x ↦ x + body(x)."""

    body: Layer

    @property
    def target(self) -> Shape:
        return self.body.target

    def init(self, rng: np.random.Generator) -> Params:
        return self.body.init(rng)

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        return x + self.body(params, x, **inputs)


@implements("layer", "residual")
def residual(settings: Mapping[str, Any], site: Site, builder: Builder) -> Residual:
    """`residual { body }`; the body keeps the shape."""
    return Residual(builder.block(settings["body"], site.shape))

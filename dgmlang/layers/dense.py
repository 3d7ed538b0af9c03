"""Affine maps and what is built from them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import Array

from dgmlang.layers.layer import Params, Shape, Site, draw_kernel
from dgmlang.layers.spectral import held
from dgmlang.registry import implements


@dataclass(frozen=True)
class Dense:
    """x W + b, W of shape [n, units]; with `spectral` its spectral norm is at most that."""

    n: int
    units: int
    spectral: float = 0.0

    @property
    def target(self) -> Shape:
        return (self.units,)

    def init(self, rng: np.random.Generator) -> Params:
        bias = np.zeros(self.units, np.float32)
        return {"kernel": draw_kernel(rng, self.n, self.units), "bias": bias}

    def __call__(self, params: Params, x: Array) -> Array:
        return x @ held(params["kernel"], self.spectral) + params["bias"]


@implements("layer", "dense")
def dense(settings: Mapping[str, Any], site: Site) -> Dense:
    """`dense(units, spectral)` on a vector."""
    return Dense(site.size, settings["units"], settings.get("spectral", 0.0))

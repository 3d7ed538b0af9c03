"""Sines and cosines of a number, so that a net can resolve it finely.

A net of a few layers is smooth in its inputs; times, noise levels and positions need features
that change quickly. Frequencies are geometric, as in Transformers (Vaswani et al. 2017) and
diffusion models (Ho et al. 2020), from one radian a unit to `HIGHEST`: low ones carry the trend,
high ones the detail. They are constants, not parameters.

`HIGHEST` was chosen by the error of a trained score on eight Gaussians in the plane under `vp`: 200
beats 10, 1000 and random Gaussian frequencies of scale 1 or 16 (Tancik et al. 2020), and 1000 makes
the net vary three times as much in t, which an adaptive ODE solver would follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

HIGHEST = 200.0
"""The highest frequency in radians a unit."""


@dataclass(frozen=True)
class Fourier:
    """t ↦ (sin ω₁t, …, cos ω₁t, …); an odd count has one cosine more than sines."""

    features: int

    @property
    def target(self) -> Shape:
        return (self.features,)

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def __call__(self, params: Params, x: Array) -> Array:
        sines = self.features // 2
        angles = x * jnp.asarray(_frequencies(self.features - sines), jnp.result_type(x, float))
        return jnp.concatenate([jnp.sin(angles[:sines]), jnp.cos(angles)])


@implements("layer", "fourier")
def fourier(settings: Mapping[str, Any], site: Site) -> Fourier:
    """`fourier(features)` of a number."""
    return Fourier(settings["features"])


def _frequencies(count: int) -> np.ndarray:
    return np.geomspace(1.0, HIGHEST, count)

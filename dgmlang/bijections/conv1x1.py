"""A learned invertible matrix on the last axis, the same at each place: a 1 × 1 convolution.

    x = y W  towards the base,   log |det ∂y/∂x| = −log |det W|

W stands on the density's side, so that training multiplies and never solves. It starts as a random
rotation, which mixes the channels at once and has log-determinant 0. The determinant costs O(c³)
once a step, whatever the number of examples and places: next to nothing up to some hundred
channels. From there on take `lu_linear`, whose determinant is read off a diagonal.

Source: Kingma & Dhariwal 2018, Glow, sec. 3.2, eq. 9, arXiv:1807.03039.
"""

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


class Mixed(AbstractFlow):
    """x = y W."""

    leaves = ("matrix",)
    rank = 1

    def __init__(self, matrix: Array) -> None:
        self.matrix = matrix

    def push(self, x: Array) -> tuple[Array, Array]:
        return jnp.linalg.solve(self.matrix.T, x), self._log_det()

    def pull(self, y: Array) -> tuple[Array, Array]:
        return y @ self.matrix, self._log_det()

    def _log_det(self) -> Array:
        return -jnp.asarray(jnp.linalg.slogdet(self.matrix)[1])


@dataclass(frozen=True)
class Conv1x1:
    """A matrix [c, c]."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        c = self.target[0]
        return {"matrix": np.linalg.qr(rng.standard_normal((c, c)))[0].astype(np.float32)}

    def transform(self, params: Params) -> Mixed:
        return Mixed(jnp.asarray(params["matrix"]))


@implements("bijection", "conv1x1")
def conv1x1(settings: Mapping[str, Any], site: Site, build: Builder) -> Conv1x1:
    """`conv1x1` on the last axis."""
    return Conv1x1(site.shape)

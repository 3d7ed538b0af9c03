"""An orthogonal matrix as a product of reflections, each by a learned vector.

    y = H₁ … H_k x,   H_i = I − 2 v_i v_iᵀ / |v_i|²,   log |det| = 0

The product is I − Vᵀ S⁻¹ V, with unit vectors as the rows of V and S = triu(V Vᵀ, 1) + ½ I: one
triangular solve a step in place of k reflections an example. With k = n every orthogonal matrix of
determinant (−1)ⁿ can be reached; with fewer the cost O(k n) is less. It starts at random vectors.
It keeps lengths, so without a nonlinear stage beside it a Gaussian stays as it is.

Source: Tomczak & Welling 2016, eq. 7, arXiv:1611.09630; the product as in Joffrain et al. 2006; as
used in Meng et al. 2020, Gaussianization flows, sec. 3.2, arXiv:2003.01941.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

TINY = 1e-12
"""What a vector's squared length is at least; a vector of zeros reflects nothing."""


class Rotated(AbstractFlow):
    """y = Q x, with Q orthogonal."""

    leaves = ("matrix",)
    rank = 1

    def __init__(self, matrix: Array) -> None:
        self.matrix = matrix

    def push(self, x: Array) -> tuple[Array, Array]:
        return self.matrix @ x, jnp.zeros((), self.matrix.dtype)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return y @ self.matrix, jnp.zeros((), self.matrix.dtype)


@dataclass(frozen=True)
class Householder:
    """`reflections` vectors of n entries."""

    reflections: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        shape = (self.reflections, *self.target)
        return {"vectors": rng.standard_normal(shape).astype(np.float32)}

    def transform(self, params: Params) -> Rotated:
        return Rotated(product(jnp.asarray(params["vectors"])))


def product(vectors: Array) -> Array:
    """H₁ … H_k for the rows of `vectors` [k, n]."""
    k, n = vectors.shape
    squares = jnp.sum(vectors**2, axis=1, keepdims=True)
    v = vectors / jnp.sqrt(jnp.maximum(squares, TINY))
    s = jnp.triu(v @ v.T, 1) + 0.5 * jnp.eye(k, dtype=v.dtype)
    return jnp.eye(n, dtype=v.dtype) - v.T @ solve_triangular(s, v)


@implements("bijection", "householder")
def householder(settings: Mapping[str, Any], site: Site, build: Builder) -> Householder:
    """`householder(reflections)` on a vector."""
    return Householder(settings["reflections"], site.shape)

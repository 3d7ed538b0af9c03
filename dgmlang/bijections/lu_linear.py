"""A learned invertible matrix as a product of triangles.

    x = L U y  towards the base,   log |det ∂y/∂x| = −Σ log diag U

L has ones on its diagonal and U positive numbers, so the matrix can never become singular, and its
determinant is read off. Towards the base it costs one product, the way back two triangular solves;
both O(n²) an example. It starts as the identity. An L U has positive minors: it cannot swap
entries exactly, so put a `permute` or `reverse` beside it where order matters.

Source: Durkan et al. 2019, Neural spline flows, sec. 3.2, arXiv:1906.04032; after Kingma & Dhariwal
2018, eq. 10–11.
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


class Triangles(AbstractFlow):
    """x = L U y; `lower` and `upper` are what stands off the diagonals."""

    leaves = ("lower", "upper", "log_diagonal")
    rank = 1

    def __init__(self, lower: Array, upper: Array, log_diagonal: Array) -> None:
        self.lower, self.upper, self.log_diagonal = lower, upper, log_diagonal

    def push(self, x: Array) -> tuple[Array, Array]:
        between = solve_triangular(self._l(), x, lower=True, unit_diagonal=True)
        return solve_triangular(self._u(), between), -jnp.sum(self.log_diagonal)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._l() @ (self._u() @ y), -jnp.sum(self.log_diagonal)

    def _l(self) -> Array:
        n = len(self.log_diagonal)
        return jnp.eye(n, dtype=self.lower.dtype).at[np.tril_indices(n, -1)].set(self.lower)

    def _u(self) -> Array:
        n = len(self.log_diagonal)
        return jnp.diag(jnp.exp(self.log_diagonal)).at[np.triu_indices(n, 1)].set(self.upper)


@dataclass(frozen=True)
class LuLinear:
    """n² numbers."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        n = self.target[0]
        sizes = {"lower": n * (n - 1) // 2, "upper": n * (n - 1) // 2, "log_diagonal": n}
        return {name: np.zeros(size, np.float32) for name, size in sizes.items()}

    def transform(self, params: Params) -> Triangles:
        return Triangles(**{name: jnp.asarray(leaf) for name, leaf in params.items()})


@implements("bijection", "lu_linear")
def lu_linear(settings: Mapping[str, Any], site: Site, build: Builder) -> LuLinear:
    """`lu_linear` on a vector."""
    return LuLinear(site.shape)

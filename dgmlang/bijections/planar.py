"""Planar flows: space is pushed and pulled along one direction, by where it lies along another.

    y = x + û tanh(wᵀx + b),   log |det| = log(1 + wᵀû tanh′(wᵀx + b))

It is one to one as long as wᵀû > −1, so û is u with its share along w changed until that holds.
Going back, α = wᵀx is the root of α + wᵀû tanh(α + b) = wᵀy, which is increasing, and lies within
|wᵀû| of wᵀy; then x = y − û tanh(α + b).

A draw and its density cost n numbers, the density of given data a search besides. One such stage
bends little: take many, or `coupling`.

Source: Rezende & Mohamed 2015, eq. 10–12 and appendix A.1, arXiv:1505.05770. Their bound on wᵀu is
shifted here, so that u = 0 is the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.bijections.above import above_minus_one
from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.bijections.bracket import between
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

TINY = 1e-12
"""What keeps the division by |w|² a number where w is 0."""


class Plane(AbstractFlow):
    """The push along `along` (û) by the place along `across` (w) and `bias` (b)."""

    leaves = ("along", "across", "bias")
    rank = 1

    def __init__(self, along: Array, across: Array, bias: Array) -> None:
        self.along, self.across, self.bias = along, across, bias

    def push(self, x: Array) -> tuple[Array, Array]:
        bent = jnp.tanh(self.across @ x + self.bias)
        return x + self.along * bent, self._log_det(bent)

    def pull(self, y: Array) -> tuple[Array, Array]:
        strength, place = self.across @ self.along, self.across @ y

        def moved(alpha: Array) -> tuple[Array, Array]:
            bent = jnp.tanh(alpha + self.bias)
            return alpha + strength * bent, 1.0 + strength * (1.0 - bent**2)

        reach = jnp.abs(strength)
        alpha = between(moved, place, place - reach, place + reach)
        bent = jnp.tanh(alpha + self.bias)
        return y - self.along * bent, self._log_det(bent)

    def _log_det(self, bent: Array) -> Array:
        return jnp.log1p((self.across @ self.along) * (1.0 - bent**2))


@dataclass(frozen=True)
class Planar:
    """u, w [n] and b; u starts at 0."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        n = self.target[0]
        across = rng.standard_normal(n, np.float32) / np.float32(n) ** 0.5
        return {
            "along": np.zeros(n, np.float32),
            "across": across,
            "bias": np.zeros((), np.float32),
        }

    def transform(self, params: Params) -> Plane:
        u, w = jnp.asarray(params["along"]), jnp.asarray(params["across"])
        inner = w @ u
        fitted = u + (above_minus_one(inner) - inner) * w / (w @ w + TINY)
        return Plane(fitted, w, jnp.asarray(params["bias"]))


@implements("bijection", "planar")
def planar(settings: Mapping[str, Any], site: Site, build: Builder) -> Planar:
    """`planar` on a vector."""
    return Planar(site.shape)

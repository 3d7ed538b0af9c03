"""Radial flows: space is pulled towards a point, or pushed away from it.

    y = x + β (x − c) / (α + r),   r = |x − c|
    log |det| = (n − 1) log(1 + β/(α + r)) + log(1 + αβ/(α + r)²)

It is one to one where β > −α, α being positive. Going back, the radius of y is r (1 + β/(α + r)),
a quadratic equation in r, so both ways cost the same.

Source: Rezende & Mohamed 2015, eq. 14 and appendix A.2, arXiv:1505.05770.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from dgmlang.bijections.above import above_minus_one
from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


class Sphere(AbstractFlow):
    """The point `centre` (c), the `reach` around it (α) and `strength` (β/α)."""

    leaves = ("centre", "reach", "strength")
    rank = 1

    def __init__(self, centre: Array, reach: Array, strength: Array) -> None:
        self.centre, self.reach, self.strength = centre, reach, strength

    def push(self, x: Array) -> tuple[Array, Array]:
        away = x - self.centre
        factor, log_det = self._at(_length(away))
        return self.centre + factor * away, log_det

    def pull(self, y: Array) -> tuple[Array, Array]:
        away = y - self.centre
        length = _length(away)
        # r² + 2 half r = α |y − c|, in the form of its root that does not cancel.
        half = (self.reach * (1.0 + self.strength) - length) / 2.0
        root = _length(jnp.stack([half, jnp.sqrt(self.reach * jnp.maximum(length, _TINY))]))
        outer = root + jnp.abs(half)
        r = jnp.where(half > 0, self.reach * length / outer, outer)
        factor, log_det = self._at(r)
        return self.centre + away / factor, log_det

    def _at(self, r: Array) -> tuple[Array, Array]:
        """(|y − c| / r, log |det|) at a radius of x."""
        share = self.reach / (self.reach + r)
        log_stretch = jnp.log1p(self.strength * share)
        around = (self.centre.shape[0] - 1) * log_stretch
        return 1.0 + self.strength * share, around + jnp.log1p(self.strength * share**2)


_TINY = 1e-30


def _length(v: Array) -> Array:
    """The length of a vector: no square overflows, and at 0 the gradient is 0."""
    largest = lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(v)), _TINY))
    square = jnp.sum((v / largest) ** 2)
    return jnp.where(square > 0, largest * jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


@dataclass(frozen=True)
class Radial:
    """c [n], log α and what sets β, which starts at 0."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        centre = rng.standard_normal(self.target, np.float32)
        zero = np.zeros((), np.float32)
        return {"centre": centre, "log_reach": zero, "strength": zero}

    def transform(self, params: Params) -> Sphere:
        reach = jnp.exp(jnp.asarray(params["log_reach"]))
        return Sphere(jnp.asarray(params["centre"]), reach, above_minus_one(params["strength"]))


@implements("bijection", "radial")
def radial(settings: Mapping[str, Any], site: Site, build: Builder) -> Radial:
    """`radial` on a vector."""
    return Radial(site.shape)

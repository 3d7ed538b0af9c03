"""Monotone rational-quadratic splines, one an entry.

The square [−B, B]² is cut into K bins of widths w and heights h, with slopes δ at the knots; inside
bin k, with ξ = (x − x_k)/w, s = h/w and D = s + (δ_k + δ_{k+1} − 2s) ξ(1 − ξ),

    y  = y_k + h (s ξ² + δ_k ξ(1 − ξ)) / D
    y' = s² (δ_{k+1} ξ² + 2s ξ(1 − ξ) + δ_k (1 − ξ)²) / D²

and outside y = x, with slope 1 at the outer knots. Both ways cost the same: the inverse is a
quadratic equation. Numbers of 0 give the identity.

When not to use: where second derivatives matter. At a knot y'' jumps, so that explicit and sliced
score matching would go wrong. Data should lie inside the bound: outside nothing is learned.

Source: Durkan et al. 2019, Neural Spline Flows, eq. 4–8, arXiv:1906.04032.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from jaxtyping import Float

from dgmlang.bijections.bijection import AbstractFlow
from dgmlang.registry import implements

THINNEST = 0.01
"""The least width and height of a bin, in those of equal bins."""

FLATTEST = 1e-3
"""The least slope at a knot."""


class Bin(NamedTuple):
    """What the bin that an entry falls into is made of; an array an entry."""

    x: Array
    y: Array
    width: Array
    height: Array
    left: Array
    right: Array


class SplineTransform(AbstractFlow):
    """The spline of each entry through knots `xs`, `ys` [..., K + 1] with slopes there."""

    leaves = ("xs", "ys", "slopes")

    def __init__(self, xs: Array, ys: Array, slopes: Array) -> None:
        self.xs, self.ys, self.slopes = xs, ys, slopes
        self.rank = jnp.ndim(xs) - 1

    def push(self, x: Array) -> tuple[Array, Array]:
        inside, within = self._inside(x)
        at = self._bin(self.xs, within)
        share = (within - at.x) / at.width
        y, log_slope = _forward(at, share)
        return _outside(inside, x, y, log_slope)

    def pull(self, y: Array) -> tuple[Array, Array]:
        inside, within = self._inside(y)
        at = self._bin(self.ys, within)
        share = _backward(at, within)
        x, log_slope = at.x + at.width * share, _forward(at, share)[1]
        return _outside(inside, y, x, log_slope)

    def _inside(self, value: Array) -> tuple[Array, Array]:
        """Which entries the spline moves, and all entries, those outside put to its end."""
        low, high = self.xs[..., 0], self.xs[..., -1]
        return (low < value) & (value < high), jnp.clip(value, low, high)

    def _bin(self, knots: Array, value: Array) -> Bin:
        """The bins in which values lie along `knots`."""
        place = jnp.sum(value[..., None] >= knots[..., 1:-1], axis=-1, keepdims=True)

        def pick(values: Array, step: int = 0) -> Array:
            return jnp.take_along_axis(values, place + step, axis=-1)[..., 0]

        x, y = pick(self.xs), pick(self.ys)
        return Bin(
            x, y, pick(self.xs, 1) - x, pick(self.ys, 1) - y, pick(self.slopes),
            pick(self.slopes, 1),
        )  # fmt: skip


def _forward(at: Bin, share: Array) -> tuple[Array, Array]:
    """(y, log y') at a share of the bin's width (eq. 4 and 5)."""
    mean, both = at.height / at.width, share * (1.0 - share)
    below = mean + (at.left + at.right - 2.0 * mean) * both
    y = at.y + at.height * (mean * share**2 + at.left * both) / below
    above = at.right * share**2 + 2.0 * mean * both + at.left * (1.0 - share) ** 2
    return y, 2.0 * jnp.log(mean) + jnp.log(above) - 2.0 * jnp.log(below)


def _backward(at: Bin, y: Array) -> Array:
    """The share of the bin's width at which y is reached (eq. 6–8)."""
    mean, rise = at.height / at.width, y - at.y
    bend = rise * (at.left + at.right - 2.0 * mean)
    a, b = at.height * (mean - at.left) + bend, at.height * at.left - bend
    c = -mean * rise
    # The root in this form neither cancels nor divides by an `a` of 0. What stands under it is
    # (2aξ + b)² at the root, which only rounding can bring to 0.
    return jnp.clip(-2.0 * c / (b + jnp.sqrt(jnp.maximum(b * b - 4.0 * a * c, _TINY))), 0.0, 1.0)


_TINY = 1e-30


def _outside(inside: Array, old: Array, new: Array, log_slope: Array) -> tuple[Array, Array]:
    return jnp.where(inside, new, old), jnp.sum(jnp.where(inside, log_slope, 0.0))


@implements("transform", "spline")
@dataclass(frozen=True)
class Spline:
    """`spline(bins, bound)`: the identity where all numbers are 0."""

    bins: int
    bound: float

    @property
    def parameters(self) -> int:
        """K widths, K heights, and the slopes at the K − 1 inner knots."""
        return 3 * self.bins - 1

    def __call__(self, raw: Float[Array, "n numbers"]) -> SplineTransform:
        widths, heights, slopes = jnp.split(raw, (self.bins, 2 * self.bins), axis=-1)
        return SplineTransform(self._knots(widths), self._knots(heights), _slopes(slopes))

    def _knots(self, raw: Array) -> Array:
        """K + 1 ascending places from −bound to bound."""
        shares = THINNEST / self.bins + (1.0 - THINNEST) * nn.softmax(raw, axis=-1)
        inner = (2.0 * jnp.cumsum(shares, axis=-1)[..., :-1] - 1.0) * self.bound
        end = jnp.full((*raw.shape[:-1], 1), self.bound, raw.dtype)
        return jnp.concatenate([-end, inner, end], axis=-1)


def _slopes(raw: Array) -> Array:
    """Positive slopes at all knots: 1 where raw is 0, and at both ends."""
    inner = FLATTEST + nn.softplus(raw + np.log(np.expm1(1.0 - FLATTEST)))
    end = jnp.ones((*raw.shape[:-1], 1), raw.dtype)
    return jnp.concatenate([end, inner, end], axis=-1)

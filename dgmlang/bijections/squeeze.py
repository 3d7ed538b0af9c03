"""A block applied to the squeezed picture: half the sides, four times the channels.

Each square of 2 × 2 becomes one place, so that masks and matrices over channels see neighbours.

Source: Dinh et al. 2017, RealNVP, sec. 3.6, arXiv:1605.08803.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, Bijection, Builder, pull, push, settle
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


def squeezed(x: Array) -> Array:
    """[h, w, c] → [h/2, w/2, 4c]; the new channels are the square's, in raster order."""
    h, w, c = x.shape
    return (
        x.reshape(h // 2, 2, w // 2, 2, c).transpose(0, 2, 1, 3, 4).reshape(squeezed_shape(x.shape))
    )


def unsqueezed(x: Array) -> Array:
    """The inverse of `squeezed`."""
    h, w, c = x.shape
    return x.reshape(h, w, 2, 2, c // 4).transpose(0, 2, 1, 3, 4).reshape(2 * h, 2 * w, c // 4)


def squeezed_shape(shape: Shape) -> Shape:
    """The shape of a squeezed picture."""
    h, w, c = shape
    return h // 2, w // 2, 4 * c


class Squeezing(AbstractFlow):
    """`inner` between a squeeze and its inverse, whose log-determinants are 0."""

    leaves = ("inner",)
    rank = 3

    def __init__(self, inner: Transform[Any]) -> None:
        self.inner = inner

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._inside(push, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._inside(pull, y)

    def _inside(
        self, step: Callable[[Transform[Any], Array], tuple[Array, Array]], value: Array
    ) -> tuple[Array, Array]:
        value, log_det = step(self.inner, squeezed(value))
        return unsqueezed(value), log_det


@dataclass(frozen=True, eq=False)
class Squeeze:
    """The block on the squeezed picture; its parameters are the block's."""

    body: Bijection
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return self.body.init(rng)

    def transform(self, params: Params, **inputs: Array) -> Squeezing:
        return Squeezing(self.body.transform(params, **inputs))

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """The block's, by the squeezed examples."""
        params, xs = settle(self.body, params, jax.vmap(squeezed)(ys), inputs)
        return params, jax.vmap(unsqueezed)(xs)


@implements("bijection", "squeeze")
def squeeze(settings: Mapping[str, Any], site: Site, build: Builder) -> Squeeze:
    """`squeeze { body }` on a picture [h, w, c] of even sides."""
    inner = Site(squeezed_shape(site.shape), inputs=site.inputs)
    return Squeeze(build.bijection(settings["body"], inner), site.shape)

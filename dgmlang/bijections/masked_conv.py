"""Masked convolutions that are invertible: each entry of x is an increasing function of its own y.

    x = t ∘ y + W₃ h(W₂ h(W₁ y + b₁) + b₂) + b   towards the base,   h = tanh

The W are convolutions whose masks let an entry see those before it, in raster order and channel
after channel, and itself by positive weights; t, one number an entry, is positive too. So the
Jacobian is triangular, and its diagonal, whose product is the determinant, is read off in the same
pass.

The way back has no formula: `newton.py` iterates along the diagonal, for some ten steps in practice
and as many as there are entries at worst, and sees to it that the result has settled. What has not
is NaN, so no draw is returned that the density does not know.

A hidden layer holds `channels` units an entry. Density and training cost three convolutions; take
`coupling`, where draws matter as much.

Source: Song et al. 2019, MintNet, eq. 4–7 and algorithm 1, arXiv:1907.07945. Theirs allows weights
of both signs along the diagonal whose products are positive; a positive one can absorb them here,
since h is odd.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.bijections.newton import solved
from dgmlang.layers.conv import convolved
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

FIRST = 0.1
"""How much the hidden units add to the slope of 1 at first."""


class Masked(AbstractFlow):
    """The convolutions at their weights."""

    leaves = ("params",)
    rank = 3

    def __init__(self, own: MaskedConv, params: Params) -> None:
        self.own, self.params = own, params

    def pull(self, y: Array) -> tuple[Array, Array]:
        x, slopes = self.towards_base(y)
        return x, -jnp.sum(jnp.log(slopes))

    def push(self, x: Array) -> tuple[Array, Array]:
        y = solved(self.towards_base, x)
        return y, self.pull(y)[1]

    def towards_base(self, y: Array) -> tuple[Array, Array]:
        """(x, ∂x/∂y along the diagonal)."""
        own, params = self.own, self.params
        value, slopes = y, jnp.ones((*own.target, 1), y.dtype)
        for name in ("0", "1"):
            value = jnp.tanh(own.layer(params[name], value) + params[name]["bias"][None, None])
            slopes = own.along(params[name], slopes)
            slopes *= 1 - value.reshape(slopes.shape) ** 2
        factor = jnp.exp(params["log_factor"])
        x = y * factor + own.layer(params["2"], value) + params["shift"]
        return x, own.along(params["2"], slopes)[..., 0] + factor


@dataclass(frozen=True, eq=False)
class MaskedConv:
    """`units` hidden units an entry of the picture `target`, windows of `kernel` × `kernel`.

    Weights of a layer: `kernel` [k, k, c·i, c·o], of which those from earlier entries count, and
    `own` [c, i, o], the logarithms of those from an entry to itself.
    """

    units: int
    kernel: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        n, zeros = self.units, np.zeros(self.target, np.float32)
        hidden = {
            name: {**self._weights(rng, into, n, 1.0), "bias": _normal(rng, self.target[-1] * n)}
            for name, into in (("0", 1), ("1", n))
        }
        return {**hidden, "2": self._weights(rng, n, 1, 0.0), "log_factor": zeros, "shift": zeros}

    def _weights(self, rng: np.random.Generator, n: int, m: int, size: float) -> Params:
        """Those of one layer, for outputs of about `size`; to themselves entries give a little."""
        c, mask = self.target[-1], self.mask(n, m)
        seen = np.maximum(mask.sum(axis=(0, 1, 2)), 1)
        kernel = _normal(rng, *mask.shape) * mask * np.float32(size) / np.sqrt(seen)
        own = np.full((c, n, m), np.log((1.0 if size else FIRST) / n))
        return {"kernel": kernel.astype(np.float32), "own": own.astype(np.float32)}

    def transform(self, params: Params) -> Masked:
        return Masked(self, jax.tree.map(jnp.asarray, params))

    def layer(self, params: Params, x: Array) -> Array:
        """The masked convolution of x [h, w, c·i]: [h, w, c·o]."""
        c, n, m = params["own"].shape
        kernel = params["kernel"] * jnp.asarray(self.mask(n, m), x.dtype)
        middle = self.kernel // 2
        own = jnp.exp(params["own"])[:, :, None, :] * jnp.eye(c, dtype=x.dtype)[:, None, :, None]
        kernel = kernel.at[middle, middle].add(own.reshape(c * n, c * m))
        return convolved(x, kernel)

    def along(self, params: Params, slopes: Array) -> Array:
        """The slopes [h, w, c, i] of each entry's own units behind the layer: [h, w, c, o]."""
        return jnp.einsum("hwci,cio->hwco", slopes, jnp.exp(params["own"]))

    def mask(self, n: int, m: int) -> NDArray[np.bool_]:
        """Which weights come from entries before: pixels in raster order, then channels."""
        k, c = self.kernel, self.target[-1]
        middle = k // 2 * (k + 1)
        place = np.arange(k * k).reshape(k, k, 1, 1)
        before = np.arange(c * n)[:, np.newaxis] // n < np.arange(c * m) // m
        return np.asarray((place < middle) | ((place == middle) & before))


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape, np.float32)


@implements("bijection", "masked_conv")
def masked_conv(settings: Mapping[str, Any], site: Site, build: Builder) -> MaskedConv:
    """`masked_conv(channels, kernel)` on a picture."""
    return MaskedConv(settings["channels"], settings["kernel"], site.shape)

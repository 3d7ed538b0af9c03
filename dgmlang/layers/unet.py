"""A U-shaped residual net on pictures, told the time and, if there is one, a condition.

Down: a residual block at each level, the sides halved between levels; up: the same in reverse, each
level also shown what it was on the way down. A block is norm, swish, convolution, twice, with the
embedding of time and condition added in between; its second convolution starts at zero.

Source: Ronneberger et al. 2015, arXiv:1505.04597; blocks as in Ho et al. 2020, app. B, without
attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.conv import Conv
from dgmlang.layers.dense import Dense
from dgmlang.layers.fourier import Fourier
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

GROUPS = 8
"""In how many groups of channels a norm takes mean and variance, where the channels divide."""

WIDER = 4
"""How many times the first level's channels the embedding of the time has."""


@dataclass(frozen=True)
class Block:
    """[h, w, into] ↦ [h, w, out] beside an embedding."""

    sides: Shape
    into: int
    out: int
    embedding: int

    def init(self, rng: np.random.Generator) -> Params:
        second = Conv(self.sides, self.out, self.out, 3).init(rng)
        params = {
            "norm": _norm(self.into),
            "first": Conv(self.sides, self.into, self.out, 3).init(rng),
            "embedding": Dense(self.embedding, self.out).init(rng),
            "norm_2": _norm(self.out),
            "second": second | {"kernel": np.zeros_like(second["kernel"])},
        }
        if self.into != self.out:
            params["skip"] = Conv(self.sides, self.into, self.out, 1).init(rng)
        return params

    def __call__(self, params: Params, x: Array, embedding: Array) -> Array:
        first = Conv(self.sides, self.into, self.out, 3)
        second = Conv(self.sides, self.out, self.out, 3)
        y = first(params["first"], jax.nn.silu(grouped(params["norm"], x)))
        told = Dense(self.embedding, self.out)(params["embedding"], jax.nn.silu(embedding))
        y = y + told[None, None]
        y = second(params["second"], jax.nn.silu(grouped(params["norm_2"], y)))
        if self.into == self.out:
            return x + y
        return Conv(self.sides, self.into, self.out, 1)(params["skip"], x) + y


@dataclass(frozen=True)
class UNet:
    """[h, w, c] ↦ [h, w, c]; `channels` are those of the levels, the finest first."""

    shape: Shape
    channels: tuple[int, ...]
    condition: int

    @property
    def target(self) -> Shape:
        return self.shape

    @property
    def embedding(self) -> int:
        return WIDER * self.channels[0]

    def _sides(self, level: int) -> Shape:
        return tuple(side >> level for side in self.shape[:2])

    def _down(self) -> list[Block]:
        widths = (self.channels[0], *self.channels)
        sizes = enumerate(pairwise(widths))
        return [Block(self._sides(i), n, m, self.embedding) for i, (n, m) in sizes]

    def _up(self) -> list[Block]:
        """From the coarsest level but one to the finest."""
        levels = reversed(range(len(self.channels) - 1))
        c, width = self.channels, self.embedding
        return [Block(self._sides(i), c[i + 1] + c[i], c[i], width) for i in levels]

    def init(self, rng: np.random.Generator) -> Params:
        sides, first = self._sides(0), self.channels[0]
        params: Params = {
            "time": Dense(self.embedding, self.embedding).init(rng),
            "enter": Conv(sides, self.shape[2], first, 3).init(rng),
            "down": {str(i): block.init(rng) for i, block in enumerate(self._down())},
            "up": {str(i): block.init(rng) for i, block in enumerate(self._up())},
            "norm": _norm(first),
            "out": Conv(sides, first, self.shape[2], 3).init(rng),
        }
        if self.condition:
            params["condition"] = Dense(self.condition, self.embedding).init(rng)
        return {name: branch for name, branch in params.items() if branch}

    def __call__(
        self, params: Params, x: Array, time: Array, condition: Array | None = None
    ) -> Array:
        sides, first = self._sides(0), self.channels[0]
        told = self._told(params, time, condition)
        x = Conv(sides, self.shape[2], first, 3)(params["enter"], x)
        seen = []
        for i, block in enumerate(self._down()):
            x = block(params["down"][str(i)], _halved(x) if i else x, told)
            seen.append(x)
        for i, block in enumerate(self._up()):
            beside = jnp.concatenate([_doubled(x), seen[-2 - i]], axis=-1)
            x = block(params["up"][str(i)], beside, told)
        x = jax.nn.silu(grouped(params["norm"], x))
        return Conv(sides, first, self.shape[2], 3)(params["out"], x)

    def _told(self, params: Params, time: Array, condition: Array | None) -> Array:
        """The embedding of time and condition."""
        wide = Dense(self.embedding, self.embedding)
        told = wide(params["time"], Fourier(self.embedding)({}, time))
        if condition is None or not self.condition:
            return told
        return told + Dense(self.condition, self.embedding)(params["condition"], condition)


@implements("layer", "unet")
def unet(settings: Mapping[str, Any], site: Site) -> UNet:
    """`unet(channels, time, condition)` on a picture whose sides halve between the levels."""
    condition = int(np.prod(site.inputs["condition"])) if "condition" in site.inputs else 0
    return UNet(site.shape, tuple(settings["channels"]), condition)


def grouped(params: Params, x: Array) -> Array:
    """Mean 0 and variance 1 over places and each group of channels (Wu & He 2018)."""
    *sides, c = x.shape
    groups = x.reshape(*sides, gcd(GROUPS, c), -1)
    axes = (0, 1, 3)
    centred = groups - groups.mean(axes, keepdims=True)
    scaled = centred * jax.lax.rsqrt((centred**2).mean(axes, keepdims=True) + 1e-5)
    return scaled.reshape(x.shape) * params["scale"][None, None] + params["shift"][None, None]


def _norm(channels: int) -> Params:
    return {"scale": np.ones(channels, np.float32), "shift": np.zeros(channels, np.float32)}


def _halved(x: Array) -> Array:
    """The mean of each square of 2 × 2."""
    h, w, c = x.shape
    return x.reshape(h // 2, 2, w // 2, 2, c).mean((1, 3))


def _doubled(x: Array) -> Array:
    """Each place four times."""
    return jnp.repeat(jnp.repeat(x, 2, axis=0), 2, axis=1)

"""Convolutions on pictures with the channels last; they keep the sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jax import Array

from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.layers.pictures import beside_offsets, beside_picture, channels_of
from dgmlang.registry import implementation, implements


@dataclass(frozen=True)
class Conv:
    """y[i, j] = Σ_{a, b} x[i + a, j + b] W[a, b] + bias, x being 0 beyond its edge."""

    sides: Shape
    into: int
    channels: int
    kernel: int

    @property
    def target(self) -> Shape:
        return (*self.sides, self.channels)

    def init(self, rng: np.random.Generator) -> Params:
        shape = (self.kernel, self.kernel, self.into, self.channels)
        fan_in = max(self.kernel**2 * self.into, 1)
        kernel = rng.standard_normal(shape, np.float32) / np.float32(fan_in) ** 0.5
        return {"kernel": kernel, "bias": np.zeros(self.channels, np.float32)}

    def __call__(self, params: Params, x: Array) -> Array:
        return convolved(x, params["kernel"]) + params["bias"][None, None]


@dataclass(frozen=True)
class ConvNet:
    """Convolutions, each followed by the activation; a condition adds channels to the input."""

    layers: tuple[Conv, ...]
    activation: Callable[[Array], Array]

    @property
    def target(self) -> Shape:
        return self.layers[-1].target

    def init(self, rng: np.random.Generator) -> Params:
        return {str(i): layer.init(rng) for i, layer in enumerate(self.layers)}

    def __call__(self, params: Params, x: Array, condition: Array | None = None) -> Array:
        x = beside_picture(x, condition)
        for i, layer in enumerate(self.layers):
            x = self.activation(layer(params[str(i)], x))
        return x


def convolved(x: Array, kernel: Array) -> Array:
    """The picture [h, w, c] convolved with [a, b, c, d], zeros around it: [h, w, d].

    As one product of the windows [h w, a b c] with the kernel: on a CPU, and inside a scan above
    all, XLA's own convolution takes up to thirty times as long.
    """
    a, b, _, d = kernel.shape
    offsets = [(i - a // 2, j - b // 2) for i in range(a) for j in range(b)]
    flat = beside_offsets(x, offsets).reshape(x.shape[0] * x.shape[1], -1)
    return (flat @ kernel.reshape(-1, d)).reshape(*x.shape[:2], d)


@implements("layer", "conv")
def conv(settings: Mapping[str, Any], site: Site) -> Conv:
    """`conv(channels, kernel)` on a picture."""
    *sides, into = site.shape
    return Conv(tuple(sides), into, settings["channels"], settings["kernel"])


@implements("layer", "conv_net")
def conv_net(settings: Mapping[str, Any], site: Site) -> ConvNet:
    """`conv_net(channels, layers, kernel, activation, condition)` on a picture.

    As the nets of couplings on pictures have it: Kingma & Dhariwal 2018, sec. 5.1, though theirs
    has a kernel of 1 in its second layer; a head brings the last map, which starts at zero.
    """
    *sides, into = site.shape
    into += channels_of(site.inputs.get("condition"), site.shape)
    widths = (into, *(settings["channels"] for _ in range(settings["layers"])))
    kernel = settings["kernel"]
    layers = tuple(Conv(tuple(sides), n, units, kernel) for n, units in pairwise(widths))
    return ConvNet(layers, implementation("activation", settings["activation"]))

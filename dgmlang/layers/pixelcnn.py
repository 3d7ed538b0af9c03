"""Gated masked convolutions in raster order, without a blind spot.

Two stacks: a vertical one whose place (i, j) sees rows up to i, unmasked, and a horizontal one
that sees the places before j in its row, and, through the vertical stack of the row above, all rows
before. Each layer is tanh(a) ∘ σ(b), the horizontal one with a residual.

Source: van den Oord et al. 2016, Conditional image generation with PixelCNN decoders, eq. 2–4 and
fig. 2, arXiv:1606.05328; channels in groups as in arXiv:1601.06759, sec. 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Params, Shape, Site, draw_kernel
from dgmlang.layers.pictures import as_numbers, channels_of
from dgmlang.layers.raster import Groups, PlaceMap, conditioned
from dgmlang.registry import implements


@dataclass(frozen=True)
class PixelCnn:
    """[h, w] or [h, w, c] ↦ features behind those axes."""

    site: Site
    groups: Groups
    layers: int
    kernel: int

    @property
    def target(self) -> Shape:
        return (*self.site.shape, self.groups.features)

    def _maps(self, first: bool) -> dict[str, PlaceMap]:
        """Those of one layer: of both stacks, between them, and to what goes on."""
        groups, reach = self.groups, self.kernel // 2
        width, both = groups.width, 2 * groups.width
        into = groups.channels if first else width
        sources = np.arange(1, groups.channels + 1) if first else groups.degrees()
        above = [(-i, j) for i in range(reach + 1) for j in range(-reach, reach + 1)]
        before = [(0, -j) for j in range(reach + 1)]
        return {
            "down": PlaceMap(above, into, both),
            "across": PlaceMap(before, into, both, sources, groups.degrees(2)),
            "over": PlaceMap([(-1, 0)], both, both),
            "out": PlaceMap([(0, 0)], width, width, groups.degrees(), groups.degrees()),
        }

    def init(self, rng: np.random.Generator) -> Params:
        params: Params = {}
        rows = channels_of(self.site.inputs.get("condition"), self.site.shape)
        for i in range(self.layers):
            layer = {name: built.init(rng) for name, built in self._maps(i == 0).items()}
            if rows:
                layer["condition"] = {"kernel": draw_kernel(rng, rows, 2 * self.groups.width)}
            params[str(i)] = layer
        return params

    def __call__(self, params: Params, x: Array, condition: Array | None = None) -> Array:
        h, w = sides = self.site.shape[:2]
        down = across = as_numbers(x, self.site.levels).reshape(h, w, -1)
        for i in range(self.layers):
            layer, maps = params[str(i)], self._maps(i == 0)
            added = conditioned(layer.get("condition"), condition, sides)
            sums = maps["down"](layer["down"], down)
            beside = maps["across"](layer["across"], across) + maps["over"](layer["over"], sums)
            if added is not None:
                sums, beside = sums + added, beside + added
            down = self._gated(sums)
            shown = maps["out"](layer["out"], self._gated(beside))
            across = shown if i == 0 else across + shown
        return jax.nn.silu(across).reshape(self.target)

    def _gated(self, sums: Array) -> Array:
        """The tanh of one half of each group, times the σ of the other."""
        halves = sums.reshape(*sums.shape[:2], self.groups.channels, 2, self.groups.features)
        gated = jnp.tanh(halves[..., 0, :]) * jax.nn.sigmoid(halves[..., 1, :])
        return gated.reshape(*sums.shape[:2], self.groups.width)


@implements("layer", "pixelcnn")
def pixelcnn(settings: Mapping[str, Any], site: Site) -> PixelCnn:
    """`pixelcnn(channels, layers, kernel, condition)`; `channels` features for each colour."""
    channels = site.shape[2] if len(site.shape) == 3 else 1
    groups = Groups(channels, settings["channels"])
    return PixelCnn(site, groups, settings["layers"], settings["kernel"])

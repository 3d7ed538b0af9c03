"""The row LSTM: states run from row to row, all places of a row at once.

A place's gates take its row up to itself, masked at the place, and, three places wide, what enters
the row above and its state; layers behind the first have residuals. So a place sees, of each row
above, one more column to the right a row: a triangle, not all that comes before it.

Source: van den Oord et al. 2016, Pixel recurrent neural networks, sec. 3.1, 3.3 and 3.4,
arXiv:1601.06759.
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
from dgmlang.layers.lstm import gated
from dgmlang.layers.pictures import as_numbers, channels_of
from dgmlang.layers.raster import Groups, PlaceMap, conditioned
from dgmlang.registry import implements

GATES = 4
ABOVE = [(0, -1), (0, 0), (0, 1)]
ENTERING = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0)]
"""The state of a place does not know the place's own last channel, so that inputs are seen too."""


@dataclass(frozen=True)
class PixelRnn:
    """[h, w] or [h, w, c] ↦ features behind those axes."""

    site: Site
    groups: Groups
    layers: int

    @property
    def target(self) -> Shape:
        return (*self.site.shape, self.groups.features)

    def _maps(self, first: bool) -> dict[str, PlaceMap]:
        """Those of one layer: from the row below it, and from the state of the row above."""
        groups = self.groups
        into = groups.channels if first else groups.width
        sources = np.arange(1, groups.channels + 1) if first else groups.degrees()
        sums = GATES * groups.width
        row = PlaceMap(ENTERING, into, sums, sources, groups.degrees(GATES))
        return {"row": row, "above": PlaceMap(ABOVE, groups.width, sums)}

    def init(self, rng: np.random.Generator) -> Params:
        params: Params = {}
        rows = channels_of(self.site.inputs.get("condition"), self.site.shape)
        for i in range(self.layers):
            layer = {name: built.init(rng) for name, built in self._maps(i == 0).items()}
            # The forget gates start open.
            by_gate = layer["row"]["bias"].reshape(self.groups.channels, GATES, -1)
            by_gate[:, 1] = 1
            if rows:
                layer["condition"] = {"kernel": draw_kernel(rng, rows, GATES * self.groups.width)}
            params[str(i)] = layer
        return params

    def __call__(self, params: Params, x: Array, condition: Array | None = None) -> Array:
        h, w = sides = self.site.shape[:2]
        features = as_numbers(x, self.site.levels).reshape(h, w, -1)
        for i in range(self.layers):
            layer, maps = params[str(i)], self._maps(i == 0)
            sums = maps["row"](layer["row"], features)
            added = conditioned(layer.get("condition"), condition, sides)
            shown = self._rows(layer, maps["above"], sums if added is None else sums + added)
            features = shown if i == 0 else features + shown
        return features.reshape(self.target)

    def _rows(self, layer: Params, above: PlaceMap, sums: Array) -> Array:
        """The states of all rows, [h, w, width], from the first to the last."""

        def turn(state: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], Array]:
            h, cell = state
            both = row + above(layer["above"], h[None])[0]
            by_gate = both.reshape(len(row), self.groups.channels, GATES, self.groups.features)
            first = jnp.moveaxis(by_gate, 2, 0).reshape(GATES, len(row), self.groups.width)
            state = gated(first, cell)
            return state, state[0]

        blank = jnp.zeros((sums.shape[1], self.groups.width), sums.dtype)
        return jax.lax.scan(turn, (blank, blank), sums)[1]


@implements("layer", "pixelrnn")
def pixelrnn(settings: Mapping[str, Any], site: Site) -> PixelRnn:
    """`pixelrnn(channels, layers, condition)` on a picture, `channels` features a colour."""
    channels = site.shape[2] if len(site.shape) == 3 else 1
    return PixelRnn(site, Groups(channels, settings["channels"]), settings["layers"])

"""Dilated causal convolutions with gated units, residual and skip connections.

For each dilation d: u = tanh(W_f [x_{t−d}, x_t]) ∘ σ(W_g [x_{t−d}, x_t]); x + W_r u goes on, and
W_s u is summed into the output, of which the swish is taken. Position t sees the
1 + Σ d positions up to itself; before the start there are zeros.

Source: van den Oord et al. 2016, WaveNet, sec. 2.1–2.4, arXiv:1609.03499.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.dense import Dense
from dgmlang.layers.follow import Stepped
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


@dataclass(frozen=True)
class WaveNet:
    """[T, n] ↦ [T, channels]; one gated block for each dilation, with a kernel of two places."""

    length: int
    n: int
    channels: int
    dilations: tuple[int, ...]

    @property
    def target(self) -> Shape:
        return (self.length, self.channels)

    def init(self, rng: np.random.Generator) -> Params:
        width = self.channels
        maps = {"gates": Dense(2 * width, 2 * width), "out": Dense(width, 2 * width)}
        blocks = {
            str(i): {name: built.init(rng) for name, built in maps.items()}
            for i in range(len(self.dilations))
        }
        return {"enter": Dense(self.n, width).init(rng), **blocks}

    def __call__(self, params: Params, x: Array, length: Array | None = None) -> Array:
        """A causal layer: no row before the end sees one behind it, so no `length` is needed."""
        x = _affine(params["enter"], x)
        shown = jnp.zeros_like(x)
        for i, dilation in enumerate(self.dilations):
            before = jnp.pad(x, ((dilation, 0), (0, 0)))[: self.length]
            further, skip = _block(params[str(i)], before, x)
            x, shown = x + further, shown + skip
        return jax.nn.silu(shown)

    def stepped(self, params: Params) -> Stepped:
        """Row by row; each block keeps what entered it, as far back as it looks."""

        def turn(entered: list[Array], t: Array, row: Array) -> tuple[Array, list[Array]]:
            x = _affine(params["enter"], row[None])
            shown, kept = jnp.zeros_like(x), list(entered)
            for i, dilation in enumerate(self.dilations):
                at = t % dilation  # what stands here entered `dilation` rows ago
                before = jax.lax.dynamic_slice_in_dim(entered[i], at, 1)
                kept[i] = jax.lax.dynamic_update_slice_in_dim(entered[i], x, at, 0)
                further, skip = _block(params[str(i)], before, x)
                x, shown = x + further, shown + skip
            return jax.nn.silu(shown)[0], kept

        dtype = params["enter"]["bias"].dtype
        start = [jnp.zeros((dilation, self.channels), dtype) for dilation in self.dilations]
        return Stepped(start, jnp.arange(self.length), turn)


@implements("layer", "wavenet")
def wavenet(settings: Mapping[str, Any], site: Site) -> WaveNet:
    """`wavenet(channels, dilations)` along the first axis of [T, n]."""
    length, n = site.shape
    return WaveNet(length, n, settings["channels"], tuple(settings["dilations"]))


def _block(params: Params, before: Array, x: Array) -> tuple[Array, Array]:
    """What one block adds to its input, and to the output."""
    sums = _affine(params["gates"], jnp.concatenate([before, x], axis=-1))
    values, gates = jnp.split(sums, 2, axis=-1)
    unit = _affine(params["out"], jnp.tanh(values) * jax.nn.sigmoid(gates))
    further, skip = jnp.split(unit, 2, axis=-1)
    return further, skip


def _affine(params: Params, rows: Array) -> Array:
    return rows @ params["kernel"] + params["bias"][None]

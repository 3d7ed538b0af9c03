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
            block = params[str(i)]
            before = jnp.pad(x, ((dilation, 0), (0, 0)))[: self.length]
            sums = _affine(block["gates"], jnp.concatenate([before, x], axis=-1))
            values, gates = jnp.split(sums, 2, axis=-1)
            further, skip = jnp.split(
                _affine(block["out"], jnp.tanh(values) * jax.nn.sigmoid(gates)), 2, axis=-1
            )
            x, shown = x + further, shown + skip
        return jax.nn.silu(shown)


@implements("layer", "wavenet")
def wavenet(settings: Mapping[str, Any], site: Site) -> WaveNet:
    """`wavenet(channels, dilations)` along the first axis of [T, n]."""
    length, n = site.shape
    return WaveNet(length, n, settings["channels"], tuple(settings["dilations"]))


def _affine(params: Params, rows: Array) -> Array:
    return rows @ params["kernel"] + params["bias"][None]

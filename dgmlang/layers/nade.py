"""The neural autoregressive distribution estimator: tied weights, O(n h) for all conditionals.

h_i = σ(c + Σ_{j<i} W_j x_j), and each entry has a head of its own, b_i + V_i h_i.

Source: Larochelle & Murray 2011, eq. 2–4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.follow import Followed, Heads
from dgmlang.layers.layer import Params, Shape, Site, draw_kernel
from dgmlang.registry import implements


@dataclass(frozen=True)
class Nade:
    """Features [n, hidden] of a vector [n]; those of entry i see the entries before it."""

    n: int
    hidden: int

    @property
    def target(self) -> Shape:
        return (self.n, self.hidden)

    def init(self, rng: np.random.Generator) -> Params:
        return {
            "kernel": draw_kernel(rng, self.n, self.hidden),
            "bias": np.zeros(self.hidden, np.float32),
        }

    def __call__(self, params: Params, x: Array) -> Array:
        added = x[:-1, None] * params["kernel"][:-1]
        before = jnp.cumsum(jnp.pad(added, ((1, 0), (0, 0))), axis=0)
        return jax.nn.sigmoid(before + params["bias"][None])

    def follow(self, params: Params, heads: Heads) -> Followed:
        """Entry by entry: the state is c + Σ W_j x_j, so that all entries cost O(n hidden)."""
        own = [(head_params["kernel"], head_params["bias"]) for _, head_params in heads]

        def read(sums: Array, step: Any) -> tuple[tuple[Array, ...], Array]:
            hidden = jax.nn.sigmoid(sums)
            return tuple(hidden @ kernel + bias for kernel, bias in step[1]), sums

        def add(sums: Array, step: Any, entry: Array) -> Array:
            return sums + entry * step[0]

        return Followed(jnp.asarray(params["bias"]), (params["kernel"], own), read, add)

    def head(self, shape: Shape) -> EntryHeads:
        """Entry i's own map from its features to `shape[1:]`."""
        return EntryHeads(self.n, self.hidden, shape)


@dataclass(frozen=True)
class EntryHeads:
    """[n, hidden] ↦ `target`, whose first axis is n: an affine map for each entry."""

    n: int
    hidden: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        units = int(np.prod(self.target[1:]))
        kernel = rng.standard_normal((self.n, self.hidden, units), np.float32)
        kernel /= np.float32(self.hidden) ** 0.5
        return {"kernel": kernel, "bias": np.zeros((self.n, units), np.float32)}

    def __call__(self, params: Params, x: Array) -> Array:
        y = jnp.einsum("nh,nhu->nu", x, params["kernel"]) + params["bias"]
        return y.reshape(self.target)


@implements("layer", "nade")
def nade(settings: Mapping[str, Any], site: Site) -> Nade:
    """`nade(hidden)` on a vector."""
    return Nade(site.size, settings["hidden"])

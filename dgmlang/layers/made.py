"""Masked dense layers whose outputs depend on earlier inputs only.

Every unit has a degree, the number of leading entries that it may see. Entry j of the input has
degree j + 1; a hidden unit takes from units of its degree or less, and output i from units of
degree i or less, so output i is a function of entries 0 … i − 1. Degrees are spread evenly over
what a unit can use, not drawn, so that a small net reaches all entries.

Source: Germain et al. 2015, MADE, eq. 8–10, arXiv:1502.03509.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.follow import Followed, Heads
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.layers.made_steps import follow
from dgmlang.layers.mlp import beside, condition_size
from dgmlang.registry import implementation, implements

Degrees = NDArray[np.int_]


@dataclass(frozen=True, eq=False)
class MaskedDense:
    """x (W ∘ mask) + b, as `target` asks; masked entries of W start at 0 and have no gradient."""

    mask: NDArray[np.float32]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        seen = np.maximum(self.mask.sum(axis=0, keepdims=True), 1)
        kernel = rng.standard_normal(self.mask.shape, np.float32) * self.mask / np.sqrt(seen)
        return {"kernel": kernel, "bias": np.zeros(self.mask.shape[1], np.float32)}

    def __call__(self, params: Params, x: Array) -> Array:
        y = x @ (params["kernel"] * self.mask.astype(params["kernel"].dtype)) + params["bias"]
        return y.reshape(self.target)


@dataclass(frozen=True, eq=False)
class Made:
    """Features of n entries, each with a degree (`degrees[-1]`); `head` maps them to outputs."""

    degrees: tuple[Degrees, ...]
    activation: Callable[[Array], Array]

    @property
    def target(self) -> Shape:
        return (len(self.degrees[-1]),)

    @property
    def layers(self) -> tuple[MaskedDense, ...]:
        """One for each hidden width."""
        return tuple(masked(low, high, (len(high),)) for low, high in pairwise(self.degrees))

    def init(self, rng: np.random.Generator) -> Params:
        return {str(i): layer.init(rng) for i, layer in enumerate(self.layers)}

    def __call__(self, params: Params, x: Array, condition: Array | None = None) -> Array:
        x = beside(x, condition)
        for i, layer in enumerate(self.layers):
            x = self.activation(layer(params[str(i)], x))
        return x

    def follow(self, params: Params, heads: Heads, condition: Array | None = None) -> Followed:
        """The layer with its heads, read entry by entry."""
        return follow(self, params, heads, condition)

    def head(self, shape: Shape) -> MaskedDense:
        """The map from features to `shape`, whose first axis is that of the entries."""
        outputs = np.repeat(np.arange(shape[0]), int(np.prod(shape[1:])))
        return masked(self.degrees[-1], outputs, shape)


@implements("layer", "made")
def made(settings: Mapping[str, Any], site: Site) -> Made:
    """`made(hidden, activation, condition)` on a vector; a condition is seen by all outputs."""
    n, given = site.size, condition_size(site)
    inputs = np.concatenate([np.arange(1, n + 1), np.zeros(given, int)])
    # The first output sees no entry: units of degree 0 serve it where there is a condition, and
    # are the only ones possible where there is one entry.
    lowest = 0 if given or n == 1 else 1
    hidden = (spread(width, lowest, n - 1) for width in settings["hidden"])
    return Made((inputs, *hidden), implementation("activation", settings["activation"]))


def spread(width: int, low: int, high: int) -> Degrees:
    """`width` ascending degrees from low … high, each as often as any other, give or take one."""
    middles = (np.arange(width) + 0.5) / width
    return low + np.floor(middles * (high - low + 1)).astype(int)


def masked(sources: Degrees, targets: Degrees, shape: Shape) -> MaskedDense:
    """The map to `shape` in which a target takes from sources of its degree or less."""
    mask = sources[:, np.newaxis] <= targets[np.newaxis, :]
    return MaskedDense(mask.astype(np.float32), shape)

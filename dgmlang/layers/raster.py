"""Maps on pictures whose place sees the places before it, row by row, channel after channel.

Features stand in one group a channel, [h, w, c F]; a feature of group g may know of the channels
before g at its own place, and of all channels at places before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.layer import Params, Shape
from dgmlang.layers.pictures import beside_offsets

Offsets = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Groups:
    """The channels of a picture, and how many features each group has."""

    channels: int
    features: int

    @property
    def width(self) -> int:
        return self.channels * self.features

    def degrees(self, copies: int = 1) -> NDArray[np.int_]:
        """Of each feature, the number of channels that it knows of at its own place."""
        return np.repeat(np.arange(self.channels), copies * self.features)


@dataclass(frozen=True, eq=False)
class PlaceMap:
    """An affine map of what stands at the offsets; at (0, 0) features take from no later group.

    `sources` and `targets` are degrees: a target takes from sources of its degree or less. Where
    they are None, nothing is masked, so that no offset may be (0, 0) unless the rows are shifted.
    """

    offsets: Offsets
    into: int
    out: int
    sources: NDArray[np.int_] | None = None
    targets: NDArray[np.int_] | None = None

    @property
    def mask(self) -> NDArray[np.float32] | None:
        """Ones where a weight is used, [offsets, into, out]; None where all are."""
        if self.sources is None or self.targets is None:
            return None
        found = np.ones((len(self.offsets), self.into, self.out), np.float32)
        found[list(self.offsets).index((0, 0))] = self.sources[:, None] <= self.targets[None]
        return found

    def init(self, rng: np.random.Generator) -> Params:
        shape = (len(self.offsets), self.into, self.out)
        mask = np.ones(shape, np.float32) if self.mask is None else self.mask
        seen = np.maximum(mask.sum((0, 1), keepdims=True), 1)
        kernel = rng.standard_normal(shape, np.float32) * mask / np.sqrt(seen)
        return {"kernel": kernel, "bias": np.zeros(self.out, np.float32)}

    def __call__(self, params: Params, x: Array) -> Array:
        """[h, w, into] ↦ [h, w, out]."""
        kernel, mask = params["kernel"], self.mask
        kernel = kernel if mask is None else kernel * mask.astype(kernel.dtype)
        places = beside_offsets(x, self.offsets)
        y = places.reshape(-1, places.shape[-1]) @ kernel.reshape(-1, self.out)
        return (y + params["bias"][None]).reshape(*x.shape[:2], self.out)


def conditioned(params: Params | None, condition: Array | None, sides: Shape) -> Array | None:
    """What a condition adds at each place, [h, w, out] or [1, 1, out]; None without one."""
    if params is None or condition is None:
        return None
    if condition.shape[:2] == sides:
        return condition.reshape(*sides, -1) @ params["kernel"]
    return (jnp.ravel(condition) @ params["kernel"])[None, None]

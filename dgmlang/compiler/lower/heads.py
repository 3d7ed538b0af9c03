"""Heads: from a net's features to one output of a declared type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from jax import Array

from dgmlang.compiler.lower.domains import constrain
from dgmlang.compiler.lower.stages import Mapped
from dgmlang.compiler.program import Head
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.layers.layer import CausalLayer, Layer, Params, Shape, Site
from dgmlang.registry import implementation


@dataclass(frozen=True, eq=False)
class Output:
    """A head: `map` on the features, the result reshaped, then the kind's map.

    `kept` leading axes of the features are left alone: the map acts at each of their positions.
    """

    map: Layer
    kept: int
    shape: Shape
    kind: Kind

    def init(self, rng: np.random.Generator) -> Params:
        return self.map.init(rng)

    def __call__(self, params: Params, features: Array) -> Array:
        rows = features.reshape(*features.shape[: self.kept], -1)
        return constrain(self.kind, self.map(params, rows).reshape(self.shape))


@dataclass(frozen=True, eq=False)
class MaskedOutput:
    """A head that a causal layer brings: entry i depends on what the layer lets i see."""

    map: Layer
    kind: Kind

    def init(self, rng: np.random.Generator) -> Params:
        return self.map.init(rng)

    def __call__(self, params: Params, features: Array) -> Array:
        return constrain(self.kind, self.map(params, features))


BuiltHead = Output | MaskedOutput


def dense_head(head: Head, features: Shape, precision: str = "float32") -> Output:
    """One dense map from the axes that are not kept to the head's own."""
    shape = numbers(head.type.array_shape)
    n, units = int(np.prod(features[head.prefix :])), int(np.prod(shape[head.prefix :]))
    dense = implementation("layer", "dense")({"units": units}, Site((n,)))
    mapped = Mapped(dense, head.prefix, (*shape[: head.prefix], units), precision)
    return Output(mapped, head.prefix, shape, head.type.kind)


def masked_head(head: Head, causal: Mapped) -> MaskedOutput:
    """The head of the causal layer that ends the body."""
    shape = numbers(head.type.array_shape)
    last = cast(CausalLayer, causal.layer).head(shape)
    return MaskedOutput(Mapped(last, 0, shape, causal.precision), head.type.kind)

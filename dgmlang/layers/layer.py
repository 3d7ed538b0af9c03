"""What a layer is: a function with parameters on one unit of input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from jax import Array
from numpy.typing import NDArray

Params = dict[str, Any]
"""Nested dictionaries of arrays; the paths are what users see."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Site:
    """One unit of input, as the extern's source type says (`real[n]`: one vector).

    Attributes:
        shape: The unit's shape; further leading axes are mapped over by the caller.
        levels: The number of classes where the unit is of kind `cat` or `grey`.
        inputs: Shapes of the run-time arguments, such as `condition`.
    """

    shape: Shape
    levels: int | None = None
    inputs: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape))


class Layer(Protocol):
    """A function with parameters; `implementation("layer", name)(settings, site)` builds one."""

    @property
    def target(self) -> Shape:
        """The shape of what it returns."""
        ...

    def init(self, rng: np.random.Generator) -> Params:
        """Initial parameters, drawn with NumPy so that nothing compiles."""
        ...

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        """The output for one unit `x`."""
        ...


class CausalLayer(Layer, Protocol):
    """A layer whose features are ordered, so that it must bring the map to its outputs too."""

    def head(self, shape: Shape) -> Layer:
        """The map from features to `shape` (the site's shape, then the axes of one entry).

        Output i depends only on what the layer lets entry i see; in raster order.
        """
        ...


def draw_kernel(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """A matrix of N(0, 1/rows), so that unit inputs give unit outputs."""
    return rng.standard_normal((rows, columns), np.float32) / np.float32(max(rows, 1)) ** 0.5

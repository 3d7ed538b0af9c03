"""Which entries condition a coupling (True) and which it transforms.

A mask of a vector is over the flat entries of any array; one of a picture has the picture's shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmlang.layers.layer import Shape
from dgmlang.registry import implements

Settings = Mapping[str, Any]


@implements("mask", "half")
def half(settings: Settings, shape: Shape) -> NDArray[np.bool_]:
    """The first half conditions; with `reverse` every entry of two or more is transformed."""
    n = int(np.prod(shape))
    return np.arange(n) < n // 2


@implements("mask", "alternate")
def alternate(settings: Settings, shape: Shape) -> NDArray[np.bool_]:
    """Even entries condition; with `reverse` and n odd, every second one is never transformed."""
    return np.arange(int(np.prod(shape))) % 2 == 0


@implements("mask", "checkerboard")
def checkerboard(settings: Settings, shape: Shape) -> NDArray[np.bool_]:
    """The squares of one colour, all their channels.

    Source: Dinh et al. 2017, RealNVP, fig. 3, arXiv:1605.08803.
    """
    rows, columns = np.indices(shape[:2])
    keeps = (rows + columns) % 2 == int(settings["odd"])
    return np.broadcast_to(keeps[..., np.newaxis], shape)


@implements("mask", "channel")
def channel(settings: Settings, shape: Shape) -> NDArray[np.bool_]:
    """The first half of the channels, at every place."""
    return np.broadcast_to(np.arange(shape[-1]) < shape[-1] // 2, shape)

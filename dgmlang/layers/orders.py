"""Orders in which autoregressive laws take the entries: position in the order → flat site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmlang.registry import implements


@implements("order", "raster")
def raster(settings: Mapping[str, Any], size: int) -> NDArray[np.int_]:
    """Row by row, the last axis fastest."""
    return np.arange(size)


@implements("order", "random")
def random(settings: Mapping[str, Any], size: int) -> NDArray[np.int_]:
    """A permutation that `seed` fixes."""
    return np.random.default_rng(settings["seed"]).permutation(size)

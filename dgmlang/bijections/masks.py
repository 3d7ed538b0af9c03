"""Which entries condition a coupling (True) and which it transforms, by their position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dgmlang.registry import implements


@implements("mask", "half")
def half(n: int) -> NDArray[np.bool_]:
    """The first half conditions; with `reverse` every entry of two or more is transformed."""
    return np.arange(n) < n // 2


@implements("mask", "alternate")
def alternate(n: int) -> NDArray[np.bool_]:
    """Even entries condition; with `reverse` and n odd, every second one is never transformed."""
    return np.arange(n) % 2 == 0

"""Examples above what the model makes of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dgmlang.plots.canvas import figure
from dgmlang.plots.pictures import as_pictures, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 12


def reconstructions(data: np.ndarray, again: np.ndarray) -> Figure:
    """Pairs of pictures: a row of examples, below it the row of their reconstructions.

    Args:
        data: [n, h, w], [n, h, w, c], or [n, side²] of two values.
        again: The same shape, in the same order.
    """
    top, below = as_pictures(np.asarray(data)), as_pictures(np.asarray(again))
    if top is None or below is None:
        raise ValueError("only pictures have a figure of reconstructions")
    columns = min(COLUMNS, len(top))
    rows, tall = 2 * (len(top) // columns), top.shape[1] / top.shape[2]
    drawn = figure(0.62 * columns, 0.62 * tall * rows + 0.35)
    show(
        drawn.subplots(),
        paired(top, below, columns),
        columns,
        "examples, and each row again below it",
    )
    return drawn


def paired(top: np.ndarray, below: np.ndarray, columns: int) -> np.ndarray:
    """Rows of `columns` pictures, taken in turn from the one and the other; whole rows only."""
    rows = len(top) // columns
    kept = [a[: rows * columns].reshape(rows, 1, columns, *a.shape[1:]) for a in (top, below)]
    return np.concatenate(kept, axis=1).reshape(-1, *top.shape[1:])

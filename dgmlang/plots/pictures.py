"""Arrays as pictures: which can be shown so, and many of them in one mosaic."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST_SIDE = 4  # a vector of fewer than 4 × 4 entries is easier to read as bars


def as_pictures(values: np.ndarray) -> np.ndarray | None:
    """[n, h, w] or [n, h, w, 3] where the values can be shown so, else None.

    One channel more or less makes no difference; a vector of two-valued entries whose length is a
    square is folded.
    """
    if values.ndim == 4 and values.shape[-1] == 1:
        return values[..., 0]
    if values.ndim == 3 or (values.ndim == 4 and values.shape[-1] == 3):
        return values
    if values.ndim == 2 and len(np.unique(values)) <= 2:
        side = isqrt(values.shape[1])
        if side >= SMALLEST_SIDE and side * side == values.shape[1]:
            return values.reshape(-1, side, side)
    return None


def mosaic(pictures: np.ndarray, columns: int) -> np.ndarray:
    """All pictures in rows of `columns`, one empty (NaN) pixel between neighbours.

    Args:
        pictures: [n, h, w] or [n, h, w, c].
        columns: Pictures in a row.

    Returns:
        [rows (h + 1) − 1, columns (w + 1) − 1] and the channels, if any.
    """
    n, h, w, *channels = pictures.shape
    rows = -(-n // columns)
    sheet = np.full((rows * columns, h + 1, w + 1, *channels), np.nan)
    sheet[:n, :h, :w] = pictures
    sheet = sheet.reshape(rows, columns, h + 1, w + 1, *channels).swapaxes(1, 2)
    return sheet.reshape(rows * (h + 1), columns * (w + 1), *channels)[:-1, :-1]


def show(axes: Axes, pictures: np.ndarray, columns: int, title: str = "") -> None:
    """Draw a mosaic: high values dark, as ink on paper; colours as they are."""
    low, high = float(np.nanmin(pictures)), float(np.nanmax(pictures))
    scaled = (pictures - low) / (high - low if high > low else 1.0)
    sheet = mosaic(scaled, columns)
    if sheet.ndim == 3:
        sheet = np.nan_to_num(sheet, nan=1.0)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_facecolor("#e8eaee")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, fontsize=10)


def square(n: int) -> int:
    """The columns that make n pictures nearly a square."""
    return max(1, isqrt(max(n - 1, 0)) + 1)

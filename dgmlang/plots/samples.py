"""Draws as people can look at them: pictures, points in the plane, or how often each value came."""

from __future__ import annotations

from math import ceil, isqrt
from typing import TYPE_CHECKING

import numpy as np

from dgmlang.plots.canvas import FAINT, INK, SECOND, figure, plain
from dgmlang.plots.pictures import as_pictures, show, square

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PICTURES = 256
MOST_PANELS = 16
FEW_LEVELS = 32


def samples(draws: np.ndarray, data: np.ndarray | None = None, name: str = "x") -> Figure:
    """A figure of draws [n, …] of one variable, beside data [m, …] where they are given."""
    draws = np.asarray(draws)
    titled = [("data", np.asarray(data)), ("samples", draws)] if data is not None else [("", draws)]
    if as_pictures(draws) is not None:
        return _pictures(titled)
    if draws.ndim == 2 and draws.shape[1] == 2 and not _few_levels(draws):
        return _points(titled, name)
    return _values(draws, data, name)


def _few_levels(values: np.ndarray) -> bool:
    """Whole numbers, and not many of them."""
    return bool(np.all(values == np.round(values))) and len(np.unique(values)) <= FEW_LEVELS


def _pictures(titled: list[tuple[str, np.ndarray]]) -> Figure:
    drawn = figure(4.5 * len(titled), 4.5)
    for axes, (title, values) in zip(_panels(drawn, len(titled)), titled, strict=True):
        pictures = as_pictures(values[:MOST_PICTURES])
        assert pictures is not None
        show(axes, pictures, square(len(pictures)), title)
    return drawn


def _points(titled: list[tuple[str, np.ndarray]], name: str) -> Figure:
    """Scatters on one scale, the data's where they are given: no stray draw shrinks the rest."""
    low, high = _limits(titled[0][1])
    slope = float((high - low)[1] / (high - low)[0])
    drawn = figure(4.2 * len(titled), 4.2 * min(max(slope, 0.4), 2.0) + 0.5)
    for axes, (title, values) in zip(_panels(drawn, len(titled)), titled, strict=True):
        color = FAINT if title == "data" else INK
        size = float(np.clip(4000 / len(values), 2, 16))
        plain(axes).scatter(*values.T, s=size, color=color, alpha=0.6, linewidths=0)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes.set_xlabel(f"{name}[0]", fontsize=9)
        axes.set_ylabel(f"{name}[1]", fontsize=9)
        outside = int(np.sum(np.any((values < low) | (values > high), axis=1)))
        left = f" ({outside} outside)" if outside else ""
        axes.set_title(title + left, fontsize=10)
    return drawn


def _limits(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The range of each coordinate with a margin."""
    low, high = np.min(values, axis=0), np.max(values, axis=0)
    margin = 0.15 * np.maximum(high - low, 1e-6)
    return low - margin, high + margin


def _values(draws: np.ndarray, data: np.ndarray | None, name: str) -> Figure:
    """One panel an entry: bars where the values are few whole numbers, else a histogram."""
    flat = draws.reshape(len(draws), -1)
    held = None if data is None else np.asarray(data).reshape(len(data), -1)
    entries = min(flat.shape[1], MOST_PANELS)
    columns = min(entries, 4)
    rows = ceil(entries / columns)
    drawn = figure(max(4.0, 2.6 * columns), max(3.0, 2.1 * rows))
    for i, axes in enumerate(_panels(drawn, columns, rows, entries)):
        _frequencies(plain(axes), flat[:, i], None if held is None else held[:, i])
        axes.set_title(name if draws.ndim == 1 else f"{name}[{i}]", fontsize=9)
    if flat.shape[1] > entries:
        drawn.suptitle(f"the first {entries} of {flat.shape[1]} entries", fontsize=9)
    return drawn


def _frequencies(axes: Axes, draws: np.ndarray, data: np.ndarray | None) -> None:
    both = draws if data is None else np.concatenate([draws, data])
    if _few_levels(both):
        levels = np.arange(both.min(), both.max() + 1)
        edges = np.append(levels, levels[-1] + 1) - 0.5
        axes.set_xticks(levels if len(levels) <= 10 else levels[:: len(levels) // 8])
    else:
        edges = np.histogram_bin_edges(both, bins=min(40, isqrt(len(both)) + 1))
    bins = [float(edge) for edge in edges]
    weights = np.full(len(draws), 1 / len(draws))
    axes.hist(draws, bins, weights=weights, color=INK, alpha=0.75, rwidth=0.9, label="samples")
    if data is not None:
        share = np.full(len(data), 1 / len(data))
        axes.hist(
            data, bins, weights=share, histtype="step", color=SECOND, linewidth=1.2, label="data"
        )
        axes.legend(fontsize=7, frameon=False)
    axes.set_ylabel("share", fontsize=8)


def _panels(drawn: Figure, columns: int, rows: int = 1, used: int | None = None) -> list[Axes]:
    axes = list(np.ravel(drawn.subplots(rows, columns, squeeze=False)))
    count = len(axes) if used is None else used
    for empty in axes[count:]:
        empty.remove()
    return axes[:count]

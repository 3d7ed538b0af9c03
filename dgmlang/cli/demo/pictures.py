"""The demo's pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmlang.fitted import Fitted
from dgmlang.plots.canvas import figure, save
from dgmlang.plots.curves import curves
from dgmlang.plots.pictures import show
from dgmlang.plots.reconstructions import paired, reconstructions
from dgmlang.plots.samples import samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 100


def draw(fits: Mapping[str, Fitted], test: Mapping[str, Any], out: Path) -> Iterator[Path]:
    """Write every picture and yield its path as soon as it is there."""
    best = list(fits.values())[-1]
    seen = {"x": np.asarray(test["x"])[:SHOWN]}
    data, again, drawn = best.prepare(seen), best.reconstruct(seen), best.sample(SHOWN, seed=1)
    figures = {
        "samples": samples(drawn, data),
        "reconstructions": reconstructions(data[:36], again[:36]),
        "curves": curves([(name, fit.history) for name, fit in fits.items()]),
        "demo": _overview(data, again, drawn),
    }
    for name, drawing in figures.items():
        path = out / f"{name}.png"
        save(drawing, path)
        yield path


def _overview(data: np.ndarray, again: np.ndarray, drawn: np.ndarray) -> Figure:
    """Data, reconstructions in rows below their examples, and samples, side by side."""
    overview = figure(9.6, 3.5)
    left, middle, right = overview.subplots(1, 3)
    show(left, data, 10, "held-out digits")
    show(middle, paired(data[:50], again[:50], 10), 10, "each row again below it")
    show(right, drawn, 10, "samples")
    return overview

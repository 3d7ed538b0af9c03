"""Losses over the steps of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dgmlang.plots.canvas import FAINT, INK, SECOND, figure, plain
from dgmlang.runtime.metrics import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = (INK, FAINT, "#edae49", "#00798c")


def curves(runs: Sequence[tuple[str, Sequence[Record]]]) -> Figure:
    """One panel a run, each with its own axis: losses of two objectives are not to be compared."""
    drawn = figure(5.0 * len(runs), 3.4)
    panels = np.ravel(drawn.subplots(1, len(runs), squeeze=False))
    for axes, (title, history) in zip(panels, runs, strict=True):
        _run(plain(axes), history)
        axes.set_title(title, fontsize=10)
    return drawn


def _run(axes: Axes, history: Sequence[Record]) -> None:
    names = {name: None for record in history for name in record.values if _is_loss(name)}
    colors = iter(LINES * len(names))
    seen: list[float] = []
    for name in names:
        points = [(r.step, r.values[name]) for r in history if name in r.values]
        steps, values = np.array(points, float).T
        held_out = name.rpartition(".")[2] == "valid"
        color = SECOND if held_out else next(colors)
        label = "held out" if held_out else name.replace("loss", "training")
        axes.plot(steps, values, color=color, linewidth=1.2, label=label)
        seen += [float(v) for v in values[np.isfinite(values)]]
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel("loss", fontsize=9)
    if seen:
        _frame(axes, np.array(seen))
        axes.legend(fontsize=8, frameon=False)


def _is_loss(name: str) -> bool:
    return name.rpartition(".")[2] in ("loss", "valid")


def _frame(axes: Axes, values: np.ndarray) -> None:
    """Leave the first steps' height out where it would flatten all the rest."""
    low, high = np.min(values), np.quantile(values, 0.97)
    margin = 0.06 * max(high - low, 1e-9)
    axes.set_ylim(low - margin, high + margin)

"""Figures without pyplot (no window, no global state), and how they reach a file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f3a5f"
SECOND = "#d1495b"
FAINT = "#8a8f98"
DPI = 144


def figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain(axes: Axes) -> Axes:
    """Only the left and lower lines of the frame, thin."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, width=0.6)
    for side in ("left", "bottom"):
        axes.spines[side].set_linewidth(0.6)
    return axes


def save(drawn: Figure, path: Path) -> None:
    """Write a figure whole or not at all, in the format of the path's ending (DGM0605)."""
    from dgmlang.runtime.checkpoint import put

    ending = path.suffix.removeprefix(".") or "png"
    supported = drawn.canvas.get_supported_filetypes()
    if ending not in supported:
        raise DgmError(codes.no_picture_format(str(path), ending, sorted(supported)))
    picture = BytesIO()
    drawn.savefig(picture, format=ending, dpi=DPI)
    put(path, lambda out: out.write(picture.getbuffer()))

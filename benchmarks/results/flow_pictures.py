"""`python -m benchmarks.results.flow_pictures`: density and draws of each flow beside the data.

Of the runs that `benchmarks.results.flows` kept, into `docs/images/flows/`, one picture a flow: for
each law the data, the density on a grid and as many draws. A minute or two on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

import dgmlang as dgm
from benchmarks.results.flows import LAWS, PROGRAMS, ROOT, RUNS, points
from dgmlang.plots.canvas import INK, figure, save

IMAGES = ROOT / "docs" / "images" / "flows"
REACH = 4.6
"""How far the pictures show the plane, either way: past the edge of the board."""

SIDE, SHOWN = 160, 4_000
"""The pixels of a side of the density, and the points that are drawn."""


def grid() -> np.ndarray:
    """The middles of the pixels, row by row from below, [SIDE², 2]."""
    middles = REACH * (2 * (np.arange(SIDE) + 0.5) / SIDE - 1)
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2).astype(np.float32)


def scattered(axes: Axes, x: np.ndarray, title: str) -> None:
    """Points in the plane."""
    axes.plot(*x.T, ".", color=INK, markersize=1.3, alpha=0.5, markeredgewidth=0)
    framed(axes, title)


def shaded(axes: Axes, fitted: dgm.Fitted) -> None:
    """The density, white where there is none."""
    p = np.exp(np.asarray(fitted.log_prob(grid()).value, float)).reshape(SIDE, SIDE)
    axes.imshow(
        p, origin="lower", extent=(-REACH, REACH, -REACH, REACH), cmap="Blues", vmin=0,
        vmax=float(np.quantile(p, 0.995)),
    )  # fmt: skip
    framed(axes, f"density ({p.mean() * (2 * REACH) ** 2:.1%} within)")


def framed(axes: Axes, title: str) -> None:
    """Nothing but what is drawn, and its title."""
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_linewidth(0.4)
    axes.set_title(title, fontsize=8)


def kept(program: str) -> Iterator[tuple[str, dgm.Fitted]]:
    """The laws that a flow was trained on, with its fits."""
    for law in LAWS:
        if (RUNS / program / law).exists():
            yield law, dgm.restore(RUNS / program / law)


def main() -> None:
    """A picture of each flow that has been trained, or of those that are named."""
    for program in sys.argv[1:] or PROGRAMS:
        fits = dict(kept(program))
        if not fits:
            continue
        drawing = figure(6.3, 2.2 * len(fits))
        for row, (law, fitted) in zip(
            drawing.subplots(len(fits), 3, squeeze=False), fits.items(), strict=True
        ):
            scattered(row[0], points(law, SHOWN, 2), f"{law}: data")
            shaded(row[1], fitted)
            scattered(row[2], np.asarray(fitted.sample(SHOWN, seed=0)), "draws")
        IMAGES.mkdir(parents=True, exist_ok=True)
        save(drawing, IMAGES / f"{program}.png")
        print(f"{program}: {', '.join(fits)}", flush=True)


if __name__ == "__main__":
    main()

"""The demo's pictures: draws of dots, and for the overview the probability of each dot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from dgmlang.fitted import Fitted
from dgmlang.plots.canvas import figure, save
from dgmlang.plots.curves import curves
from dgmlang.plots.pictures import show
from dgmlang.plots.reconstructions import reconstructions
from dgmlang.plots.samples import samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 64
COLUMNS = 8
DRAWS = 256
"""Pictures of one code whose mean shows the probability of each dot."""


def draw(fits: Mapping[str, Fitted], test: Mapping[str, Any], out: Path) -> Iterator[Path]:
    """Write every picture and yield its path as soon as it is there."""
    best = list(fits.values())[-1]
    seen = {"x": np.asarray(test["x"])[:SHOWN]}
    dots, drawn = best.prepare(seen), best.draws(SHOWN, seed=1)
    codes = {name: np.asarray(code) for name, code in best.posterior(seen).items()}
    figures = {
        "samples": samples(drawn["x"], dots),
        "reconstructions": reconstructions(dots[:36], best.reconstruct(seen)[:36]),
        "curves": curves([(name, fit.history) for name, fit in fits.items()]),
        "demo": _overview(
            ("held-out digits, as dots", dots),
            ("reconstructed: chance of each dot", _chances(best, codes)),
            ("new: chance of each dot", _chances(best, {"z": drawn["z"]})),
        ),
    }
    for name, drawing in figures.items():
        path = out / f"{name}.png"
        save(drawing, path)
        yield path


def _chances(fit: Fitted, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """P(dot | code) [n, side, side] of codes [n, latents], as the mean of draws."""

    def mean(code: Mapping[str, Any], key: jax.Array) -> jax.Array:
        drawn = jax.vmap(fit.model.draw, (None, 0, None))(
            fit.raw, jax.random.split(key, DRAWS), dict(code)
        )
        return drawn["x"].mean(0)

    keys = jax.random.split(jax.random.key(2), SHOWN)
    return np.asarray(jax.vmap(mean)(dict(codes), keys))


def _overview(*panels: tuple[str, np.ndarray]) -> Figure:
    overview = figure(3.2 * len(panels), 3.5)
    for axes, (title, pictures) in zip(overview.subplots(1, len(panels)), panels, strict=True):
        show(axes, pictures, COLUMNS, title)
    return overview

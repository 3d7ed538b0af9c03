"""`python -m benchmarks.results.energies`: the numbers and pictures of `docs/energies.md`.

Each part prints what the page says and writes its picture to `docs/images/`. About a minute.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import dgmlang as dgm
from dgmlang.plots.canvas import figure, save
from dgmlang.plots.pictures import show

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
FLIPPED = 0.15
"""The share of spins that noise turns over."""


def picture(side: int = 32) -> np.ndarray:
    """A drawn binary picture of spins [side, side]: a ring, a disc in it, and a bar below."""
    down, right = np.indices((side, side)) / side
    away = np.hypot(down - 0.42, right - 0.5)
    ring = (away > 0.24) & (away < 0.36)
    bar = (down > 0.84) & (down < 0.94) & (right > 0.12) & (right < 0.88)
    return np.where(ring | (away < 0.11) | bar, 1.0, -1.0)


def denoise() -> None:
    """The picture, with noise, by its mode, and by the sign of the mean of draws."""
    clean = picture()
    rng = np.random.default_rng(0)
    noisy = clean * np.where(rng.random(clean.shape) < FLIPPED, -1.0, 1.0)
    fit = dgm.load(ROOT / "examples" / "ising_denoise.dgm").with_params({})
    mode = np.asarray(fit.mode({"x": noisy}))[0]
    drawn = np.asarray(fit.sample(64, given={"x": noisy}, sampler="gibbs(sweeps = 200)"))
    mean = np.where(drawn.mean(axis=0) > 0, 1.0, -1.0)
    titled = {"picture": clean, "with noise": noisy, "mode": mode, "mean of draws": mean}
    drawing = figure(9.2, 2.6)
    for axes, (title, spins) in zip(drawing.subplots(1, 4), titled.items(), strict=True):
        wrong = float(np.mean(spins != clean))
        show(axes, spins[None], 1, title if title == "picture" else f"{title}: {wrong:.1%} wrong")
        print(f"ising_denoise, {title}: {wrong:.4f} of the pixels wrong")
    save(drawing, IMAGES / "denoise.png")


def main() -> None:
    """All parts."""
    denoise()


if __name__ == "__main__":
    main()

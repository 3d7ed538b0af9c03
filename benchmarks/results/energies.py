"""`python -m benchmarks.results.energies`: the numbers and pictures of `docs/energies.md`.

Each part prints what the page says and writes its picture to `docs/images/`. Seed 0 everywhere; a
part by its name, `denoise`, `rbm`, runs alone. A minute each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Digits cut to dots [n, 64], 1500 to train on and 297 held out, in a shuffled order."""
    dots = (np.asarray(dgm.data("digits")["x"]) > 0.5).reshape(-1, 64).astype(np.float32)
    dots = dots[np.random.default_rng(0).permutation(len(dots))]
    return dots[:1500], dots[1500:]


def rbm() -> None:
    """Filters, draws, and halves of held-out pictures completed by Gibbs sweeps."""
    seen, unseen = digits()
    model = dgm.load(ROOT / "examples" / "rbm.dgm", visible=64, hidden=64)
    fit = model.fit({"v": seen}, objective="pcd", steps=10_000, seed=0)
    held = fit.log_prob(unseen, method="ais")
    mean, spread = held.mean(), np.std(held.value) / np.sqrt(len(held))
    error = f"± {float(np.asarray(mean.stderr)):.2f} by AIS, ± {spread:.2f} by the pictures"
    print(f"rbm: {float(mean):.2f} nats, {error}, {len(held)} held out")
    off = np.clip((seen.sum(0) + 1) / (len(seen) + 2), 0, 1)
    alone = (unseen * np.log(off) + (1 - unseen) * np.log(1 - off)).sum(1)
    print(f"rbm: independent pixels {alone.mean():.2f}")

    drawn = np.asarray(fit.sample(64)).reshape(-1, 8, 8)
    filters = fit.params["W"].T.reshape(-1, 8, 8)
    reach = np.abs(filters).max()
    filters = np.clip(filters / reach, -0.6, 0.6)
    drawing = figure(9.2, 3.4)
    titled = {"data": seen[:64].reshape(-1, 8, 8), "filters": filters, "draws": drawn}
    for axes, (title, pictures) in zip(drawing.subplots(1, 3), titled.items(), strict=True):
        show(axes, pictures, 8, title)
    save(drawing, IMAGES / "rbm.png")

    shown, half = unseen[:16], 32
    upper = np.where(np.arange(64) < half, shown, 0.4)
    rows = [shown, upper]
    for seed in range(4):
        given = {f"v[:{half}]": shown[:, :half]}
        rows.append(np.asarray(fit.sample(len(shown), given=given, seed=seed)))
    sheet = np.stack(rows).reshape(-1, 8, 8)
    drawing = figure(9.2, 3.8)
    show(drawing.subplots(), sheet, len(shown), "held out; what is given; four completions of each")
    save(drawing, IMAGES / "rbm-halves.png")
    wrong = np.mean(sheet.reshape(6, -1, 64)[2:, :, half:] != shown[:, half:])
    usual = np.mean((off[half:] > 0.5) != unseen[:, half:])
    print(f"rbm: {wrong:.3f} of the lower pixels drawn otherwise; the usual picture {usual:.3f}")


PARTS: dict[str, Callable[[], None]] = {"denoise": denoise, "rbm": rbm}


def main() -> None:
    """The parts that are named, or all."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()

"""`python -m benchmarks.results.labels`: what few labels teach, with and without the unlabelled.

The classifier `label(x)` of `ssvae` is trained on ten labelled digits of each class, alone or in
`elbo + 15 * discriminate(y)` beside 1400 unlabelled ones, and read on 297 held-out digits. Dots are
drawn afresh each step; held-out pictures are cut at ½. Five minutes of one core or less a seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import dgmlang as dgm

EXAMPLE = Path(__file__).parents[2] / "examples" / "ssvae.dgm"
EACH, TRAIN = 10, 1500


def digits(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Digits to train on, of which few have their label, and held-out ones; who is labelled."""
    found = dgm.data("digits")
    order = np.random.default_rng(seed).permutation(len(found["y"]))
    x, y = found["x"].reshape(-1, 64)[order], found["y"].astype(float)[order]
    chosen = np.concatenate([np.flatnonzero(y[:TRAIN] == c)[:EACH] for c in range(10)])
    known = np.full(TRAIN, np.nan)
    known[chosen] = y[chosen]
    return {"x": x[:TRAIN], "y": known}, {"x": x[TRAIN:], "y": y[TRAIN:]}, chosen


def accuracy(fit: dgm.Fitted, held_out: dict[str, np.ndarray]) -> float:
    """The share of held-out digits whose likeliest class is right."""
    logits = fit.value("label(x)", x=(held_out["x"] > 0.5).astype(float))["logits"]
    return float(np.mean(np.asarray(logits).argmax(axis=1) == held_out["y"]))


def main() -> None:
    """Print a row for each seed as soon as it is known."""
    print("| seed | the classifier alone | in `elbo + 15 * discriminate(y)` |\n| --- | --- | --- |")
    for seed in map(int, sys.argv[1:] or ["0"]):
        train, held_out, chosen = digits(seed)
        model = dgm.load(EXAMPLE, d=64, latents=16)
        labelled = {name: values[chosen] for name, values in train.items()}
        both = [
            model.fit(data, objective=objective, steps=steps, prepare="x = bernoulli(x)")
            for data, objective, steps in (
                (labelled, "discriminate(y)", 500),
                (train, "elbo + 15 * discriminate(y)", 1500),
            )
        ]
        found = " | ".join(f"{accuracy(fit, held_out):.3f}" for fit in both)
        print(f"| {seed} | {found} |", flush=True)


if __name__ == "__main__":
    main()

"""`python -m benchmarks`: the table of README.md, measured here."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import pictures
from benchmarks.pairs import use_one_core

SAME, FAST, LEAN = 1e-5, 0.95, 1.10


def main() -> int:
    """Measure, print, and say by the exit status whether what must hold does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--data", type=Path, help="MNIST as an .npz with `x_train`")
    parser.add_argument("--steps", type=int, default=5_000, help="optimiser steps of each side")
    asked = parser.parse_args()
    use_one_core()

    from benchmarks import vae

    data = pictures.made() if asked.data is None else pictures.read(asked.data)
    print("VAE 784-400-400-32, batch 128, Adam: dgmlang against plain JAX and Optax")
    apart = vae.difference(data)
    print(f"  same step    loss and gradient differ by {apart:.1e} (at most {SAME:g})")
    ours, by_hand = vae.memory(asked.data)
    print(f"  peak memory  {ours / by_hand:.3f} ({ours >> 20} over {by_hand >> 20} MiB; ≤ {LEAN})")
    speed = vae.speed(data, asked.steps)
    print(f"  speed        {speed} (lower limit at least {FAST})")
    return 0 if apart <= SAME and ours <= LEAN * by_hand and speed.low >= FAST else 1


if __name__ == "__main__":
    raise SystemExit(main())

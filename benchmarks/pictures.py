"""Pictures of MNIST's shape: made ones, or the real ones from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SIDE = 28


def made(count: int = 60_000, seed: int = 0) -> np.ndarray:
    """Bytes [count, 28, 28]: a bent stroke on black, about as much ink as a digit has."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, 1_000):  # a thousand at a time, so that the peak of memory is low
        part = pictures[start : start + 1_000]
        part[:] = _strokes(rng, len(part))
    return pictures


def _strokes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Ink along across = bend · along² + slant · along + place, with soft edges."""
    along, across = np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    bend, slant, place = rng.normal(0, [[0.5], [0.5], [0.2]], (3, count))[..., None, None]
    ink = np.exp(-((across - bend * along**2 - slant * along - place) ** 2) / 0.02)
    return 255 * ink * (np.abs(along) < 0.7)


def read(path: Path) -> np.ndarray:
    """The training pictures of an `.npz` as Keras keeps MNIST: `x_train`, bytes [n, 28, 28]."""
    with np.load(path, allow_pickle=False) as arrays:
        pictures = arrays["x_train" if "x_train" in arrays else "x"]
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"{path.name}: {pictures.dtype} {pictures.shape}, not bytes [n, 28, 28]")
    return pictures

"""Data sets that come with the package or are made by a seed: `digits`, `moons`, `rings` …"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]


class BuiltIn(dict[str, np.ndarray]):
    """Arrays by name that are not the user's own: what no variable names may be left out."""


Maker = Callable[[int, np.random.Generator], Arrays]


def digits() -> Arrays:
    """The 1 797 handwritten digits of 8 × 8 that scikit-learn holds: greys in [0, 1], and labels.

    Source: E. Alpaydin & C. Kaynak, UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    pictures = np.asarray(x, np.float32).reshape(-1, 8, 8)
    return {"x": pictures / 16, "y": np.asarray(y, np.int32)}


def iris() -> Arrays:
    """150 irises: four lengths in centimetres, and the species.

    Source: R. A. Fisher 1936.
    """
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    return {"x": np.asarray(x, np.float32), "y": np.asarray(y, np.int32)}


def moons(n: int, rng: np.random.Generator) -> Arrays:
    """Two half circles that reach into each other, with Gaussian noise of 0.05."""
    y = rng.integers(0, 2, n)
    angle = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    return _points(np.where(y[:, None] == 0, upper, lower) + rng.normal(0, 0.05, (n, 2)), y)


def checkerboard(n: int, rng: np.random.Generator) -> Arrays:
    """Uniform on the eight dark squares of a 4 × 4 board on [−2, 2]²."""
    column = rng.integers(0, 4, n)
    row = 2 * rng.integers(0, 2, n) + column % 2
    corner = np.stack([column, row], 1) - 2.0
    return {"x": (corner + rng.uniform(0, 1, (n, 2))).astype(np.float32)}


def rings(n: int, rng: np.random.Generator) -> Arrays:
    """Four circles of radius ½, 1, 1½ and 2, with Gaussian noise of 0.05."""
    y = rng.integers(0, 4, n)
    return _points(_circle(0.5 * (y + 1), rng) + rng.normal(0, 0.05, (n, 2)), y)


def eight_gaussians(n: int, rng: np.random.Generator) -> Arrays:
    """Eight Gaussians of standard deviation 0.1 evenly on a circle of radius 2."""
    y = rng.integers(0, 8, n)
    angle = y * np.pi / 4
    centre = 2 * np.stack([np.cos(angle), np.sin(angle)], 1)
    return _points(centre + rng.normal(0, 0.1, (n, 2)), y)


def swissroll(n: int, rng: np.random.Generator) -> Arrays:
    """A spiral of one and a half turns, scaled to about [−2, 2]², with Gaussian noise of 0.05."""
    turn = 1.5 * np.pi * (1 + 2 * rng.uniform(0, 1, n))
    curve = np.stack([turn * np.cos(turn), turn * np.sin(turn)], 1) / 7
    return {"x": (curve + rng.normal(0, 0.05, (n, 2))).astype(np.float32)}


def pinwheel(n: int, rng: np.random.Generator) -> Arrays:
    """Five arms that bend as they go out."""
    y = rng.integers(0, 5, n)
    out, side = 1 + 0.3 * rng.normal(size=n), 0.1 * rng.normal(size=n)
    angle = 2 * np.pi * y / 5 + 0.25 * np.exp(out)
    turned = [
        out * np.cos(angle) - side * np.sin(angle),
        out * np.sin(angle) + side * np.cos(angle),
    ]
    return _points(2 * np.stack(turned, 1), y)


FIXED: dict[str, Callable[[], Arrays]] = {"digits": digits, "iris": iris}
MADE: dict[str, Maker] = {
    "moons": moons,
    "checkerboard": checkerboard,
    "rings": rings,
    "8gaussians": eight_gaussians,
    "swissroll": swissroll,
    "pinwheel": pinwheel,
}
NAMES = (*FIXED, *MADE)


def dataset(name: str, seed: int = 0, n: int = 10_000) -> BuiltIn:
    """A built-in data set, the same for the same seed: `x`, and `y` where there are classes.

    Those that are made have `n` examples; the others are what they are.
    """
    if name in FIXED:
        return BuiltIn(FIXED[name]())
    return BuiltIn(MADE[name](n, np.random.default_rng([seed, *name.encode()])))


def _circle(radius: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, radius.shape[0])
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def _points(x: np.ndarray, y: np.ndarray) -> Arrays:
    return {"x": x.astype(np.float32), "y": y.astype(np.int32)}

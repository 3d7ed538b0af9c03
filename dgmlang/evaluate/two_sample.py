"""Distances between two samples."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from dgmlang.evaluate.result import Result


def energy_distance(left: np.ndarray, right: np.ndarray) -> Result:
    """2 E|X − Y| − E|X − X′| − E|Y − Y′|, 0 exactly where the laws agree.

    The U-statistic, so unbiased (it can be below 0); the standard error is of first order
    (at equal laws it is 0, and the distance is of the order 1/n).

    Args:
        left: Examples [n, …].
        right: Examples [m, …] of the same shape.

    Source: Székely & Rizzo 2013.
    """
    a, b = (x.reshape(len(x), -1).astype(float) for x in (left, right))
    across, within_a, within_b = cdist(a, b), cdist(a, a), cdist(b, b)
    value = 2 * across.mean() - _mean_apart(within_a) - _mean_apart(within_b)
    # First-order influence of each example (Hoeffding's projection).
    of_a = 2 * across.mean(axis=1) - 2 * within_a.sum(axis=1) / (len(a) - 1)
    of_b = 2 * across.mean(axis=0) - 2 * within_b.sum(axis=1) / (len(b) - 1)
    stderr = np.sqrt(of_a.var(ddof=1) / len(a) + of_b.var(ddof=1) / len(b))
    text = f"energy distance, {len(a)} against {len(b)}"
    return Result(np.asarray(value), "estimate", np.asarray(stderr), text)


def _mean_apart(distances: np.ndarray) -> float:
    n = len(distances)
    return float(distances.sum() / (n * (n - 1)))

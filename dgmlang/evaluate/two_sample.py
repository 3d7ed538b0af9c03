"""Distances between two samples, and tests of whether they are of one law.

Each test has a p-value that is uniform where the laws agree, whatever they are: by permutations of
the pooled sample, or by ranks of numbers that do not know which sample they are from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from dgmlang.evaluate.result import Result

Sample = np.ndarray
"""Examples [n, d]."""


@dataclass(frozen=True)
class TwoSample:
    """A statistic of two samples; `p`: how often one as large comes up where the laws agree.

    `p` is None of what is a measure and no test.
    """

    value: Result
    p: float | None = None

    def __repr__(self) -> str:
        return repr(self.value) if self.p is None else f"{self.value!r}, p = {self.p:.3g}"


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
    return _distance(cdist(np.concatenate([a, b]), np.concatenate([a, b])), len(a))


def energy_test(left: Sample, right: Sample, permutations: int, seed: int) -> TwoSample:
    """The energy distance with its p-value by permutations (Székely & Rizzo 2004)."""
    pooled = np.concatenate([left, right])
    apart = cdist(pooled, pooled)
    found = _distance(apart, len(left))
    value = Result(found.value, "estimate", found.stderr)
    return TwoSample(value, permuted(-apart, len(left), permutations, seed))


def mmd_test(left: Sample, right: Sample, permutations: int, seed: int) -> TwoSample:
    """The squared maximum mean discrepancy, k(x, y) = exp(−‖x − y‖² / 2 h²), unbiased.

    h is the median distance in the pooled sample, which no permutation changes. The standard error
    is of first order. Source: Gretton et al. 2012, eq. 3 and section 8.
    """
    pooled = np.concatenate([left, right])
    apart = cdist(pooled, pooled)
    width = np.median(apart[np.triu_indices(len(pooled), 1)]) or 1.0
    kernel = np.exp(-0.5 * (apart / width) ** 2)
    found = _distance(-kernel, len(left))
    value = Result(found.value, "estimate", found.stderr, f"Gaussian kernel of width {width:.3g}")
    return TwoSample(value, permuted(kernel, len(left), permutations, seed))


def moment_test(left: Sample, right: Sample, permutations: int, seed: int) -> TwoSample:
    """The largest |z| by which entries' means, or their squares' means, differ.

    One test for all of them: permutations give the law of the largest.
    """
    pooled = np.concatenate([left, right])
    centred = pooled - pooled.mean(axis=0)
    both = np.concatenate([centred, centred**2], axis=1)
    spread = both.std(axis=0)
    scaled = (both - both.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    n, m = len(left), len(right)
    scale = np.sqrt(n * m / (n + m))

    def largest(marks: np.ndarray) -> np.ndarray:
        means = (marks.T @ scaled) / n - ((1 - marks).T @ scaled) / m
        return np.abs(means).max(axis=1, initial=0.0) * scale

    observed, others = largest(_marks(n, m, 0, seed)), largest(_marks(n, m, permutations, seed))
    told = f"largest |z| of {scaled.shape[1]} means and mean squares"
    return TwoSample(Result(observed[0], "estimate", None, told), p_value(observed[0], others[1:]))


def classifier_test(left: Sample, right: Sample, seed: int) -> TwoSample:
    """How well neighbours tell the samples apart: the area under the ROC curve, ½ if not at all.

    Half of each sample is learned from, and the other half scored by how many of its √n nearest
    neighbours are `left`'s; the p-value is that of Mann & Whitney.
    Source: Lopez-Paz & Oquab 2017, arXiv 1610.06545.
    """
    rng = np.random.default_rng(seed)
    (a, b), (c, d) = (_halves(x, rng) for x in (left, right))
    learned, tested = np.concatenate([a, c]), np.concatenate([b, d])
    k = max(1, round(np.sqrt(len(learned))))
    # Ties, of finite data above all, are broken at random, or the order of the samples would show.
    order = rng.permutation(len(learned))
    nearest = np.argsort(cdist(tested, learned[order]), axis=1, kind="stable")[:, :k]
    scores = (order[nearest] < len(a)).mean(axis=1)
    found = mannwhitneyu(scores[: len(b)], scores[len(b) :], alternative="greater")
    area = float(found.statistic) / (len(b) * len(d))
    error = np.sqrt((len(b) + len(d) + 1) / (12 * len(b) * len(d)))
    told = f"area under the ROC curve of {k} neighbours"
    return TwoSample(Result(area, "estimate", error, told), float(found.pvalue))


def permuted(likeness: np.ndarray, n: int, permutations: int, seed: int) -> float:
    """The p-value of how much alike examples [N, N] of one sample are, beside those of two."""
    inside = likeness - np.diag(np.diag(likeness))
    m = len(inside) - n

    def statistic(marks: np.ndarray) -> np.ndarray:
        seen = inside @ marks
        a = (marks * seen).sum(axis=0)
        across = ((1 - marks) * seen).sum(axis=0)
        b = inside.sum() - a - 2 * across
        return a / (n * (n - 1)) + b / (m * (m - 1)) - 2 * across / (n * m)

    found = statistic(_marks(n, m, permutations, seed))
    return p_value(found[0], found[1:])


def p_value(observed: float, others: np.ndarray) -> float:
    """(1 + how many are as large) / (1 + how many there are): never 0, and valid as it stands."""
    return float((1 + np.sum(others >= observed - 1e-12 * abs(observed))) / (1 + len(others)))


def _marks(n: int, m: int, permutations: int, seed: int) -> np.ndarray:
    """Columns of which examples count as the first sample's: the true ones, then permutations."""
    first = np.repeat([1.0, 0.0], [n, m])
    rng = np.random.default_rng(seed)
    others = [rng.permutation(first) for _ in range(permutations)]
    return np.stack([first, *others], axis=1)


def _halves(x: Sample, rng: np.random.Generator) -> tuple[Sample, Sample]:
    order = rng.permutation(len(x))
    return x[order[: len(x) // 2]], x[order[len(x) // 2 :]]


def _distance(apart: np.ndarray, n: int) -> Result:
    """From distances of the pooled sample [N, N], of which the first n are the left one's.

    Of minus a kernel it is the squared maximum mean discrepancy.
    """
    m = len(apart) - n
    across, within_a, within_b = apart[:n, n:], _hollow(apart[:n, :n]), _hollow(apart[n:, n:])
    of_pairs = within_a.sum() / (n * (n - 1)) + within_b.sum() / (m * (m - 1))
    value = 2 * across.mean() - of_pairs
    # First-order influence of each example (Hoeffding's projection).
    of_a = 2 * across.mean(axis=1) - 2 * within_a.sum(axis=1) / (n - 1)
    of_b = 2 * across.mean(axis=0) - 2 * within_b.sum(axis=1) / (m - 1)
    stderr = np.sqrt(of_a.var(ddof=1) / n + of_b.var(ddof=1) / m)
    text = f"energy distance, {n} against {m}"
    return Result(np.asarray(value), "estimate", np.asarray(stderr), text)


def _hollow(square: np.ndarray) -> np.ndarray:
    """Without what an example has to do with itself."""
    return square - np.diag(np.diag(square))

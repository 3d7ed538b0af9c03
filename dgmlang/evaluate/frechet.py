"""The distance of two Gaussians that have the moments of two samples."""

from __future__ import annotations

import numpy as np

from dgmlang.evaluate.result import Result
from dgmlang.evaluate.two_sample import Sample, TwoSample, p_value

RESAMPLES = 50
"""Bootstrap samples behind a standard error."""


def frechet(left: Sample, right: Sample) -> float:
    """|m − n|² + tr(S + T − 2 (S T)^½) of means m, n and covariances S, T [d, d].

    Source: Dowson & Landau 1982, eq. 4; of a network's features: Heusel et al. 2017.
    """
    (m, s), (n, t) = ((x.mean(axis=0), np.atleast_2d(np.cov(x.T))) for x in (left, right))
    root = _root(s)
    # S^½ T S^½ has the eigenvalues of S T, and is symmetric.
    shared = np.linalg.eigvalsh(root @ t @ root)
    cross = np.sqrt(np.maximum(shared, 0.0)).sum()
    return float(np.sum((m - n) ** 2) + np.trace(s) + np.trace(t) - 2 * cross)


def frechet_test(
    left: Sample, right: Sample, permutations: int, seed: int, space: str
) -> TwoSample:
    """The Fréchet distance, with its p-value by permutations.

    It is biased upwards, the more the fewer examples there are for the number of features: the
    method says where it lies if the laws agree, which is the mean over the permutations. The
    standard error is the bootstrap's. A permutation costs an eigendecomposition, d³ operations.

    Args:
        left: Features [n, d].
        right: Features [m, d].
        permutations: Behind the p-value.
        seed: Of these and of the bootstrap.
        space: What the features are, for people.
    """
    rng = np.random.default_rng(seed)
    found, pooled, n = frechet(left, right), np.concatenate([left, right]), len(left)
    orders = [rng.permutation(len(pooled)) for _ in range(permutations)]
    others = np.array([frechet(pooled[order[:n]], pooled[order[n:]]) for order in orders])
    again = [frechet(_resampled(left, rng), _resampled(right, rng)) for _ in range(RESAMPLES)]
    told = f"{left.shape[1]} numbers, {space}; {others.mean():.3g} where the laws agree"
    value = Result(found, "estimate", np.std(again, ddof=1), told)
    return TwoSample(value, p_value(found, others))


def _root(square: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(square)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _resampled(x: Sample, rng: np.random.Generator) -> Sample:
    return x[rng.integers(len(x), size=len(x))]

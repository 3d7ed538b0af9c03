"""Draws against a truth, within five standard errors: one false alarm in 1.7 million numbers."""

from __future__ import annotations

import numpy as np

ERRORS = 5.0


def frequencies_match(counts: np.ndarray, probabilities: np.ndarray) -> bool:
    """Whether counts of independent draws agree with the probabilities of their classes."""
    n = counts.sum()
    error = np.sqrt(probabilities * (1 - probabilities) / n)
    # Where fewer than one draw is expected, the normal error is too small: one draw is granted.
    return bool(np.all(np.abs(counts / n - probabilities) <= ERRORS * error + 1 / n))


def mean_matches(draws: np.ndarray, mean: np.ndarray | float) -> bool:
    """Whether the mean over axis 0 of independent draws agrees with the true mean."""
    error = draws.std(axis=0) / np.sqrt(len(draws))
    return bool(np.all(np.abs(draws.mean(axis=0) - mean) <= ERRORS * error))


def log_gaussian(away: np.ndarray, covariance: np.ndarray) -> float:
    """The log density of a Gaussian at a distance from its mean."""
    square = away @ np.linalg.solve(covariance, away)
    return float(-0.5 * (square + np.linalg.slogdet(2 * np.pi * covariance)[1]))

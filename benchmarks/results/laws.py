"""Laws that are known, to hold trained models against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

import dgmlang as dgm

LogDensity = Callable[[np.ndarray], np.ndarray]


def log_moons(x: np.ndarray) -> np.ndarray:
    """The log density of `moons`, by quadrature over the angle."""
    angle = (np.arange(1000) + 0.5) * np.pi / 1000
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _blobs(x, np.concatenate([upper, [1, 0.5] - upper]), 0.05)


def log_ring(x: np.ndarray) -> np.ndarray:
    """The log density of `8gaussians`."""
    return _blobs(x, modes(), 0.1)


def modes() -> np.ndarray:
    """The centres of `8gaussians` [8, 2]."""
    angle = np.arange(8) * np.pi / 4
    return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def shares(draws: np.ndarray) -> np.ndarray:
    """The share of draws within five standard deviations of each mode [8]."""
    apart = np.sqrt(((draws[:, None] - modes()) ** 2).sum(axis=2))
    near = apart.min(axis=1) < 0.5
    return np.bincount(apart.argmin(axis=1)[near], minlength=8) / len(draws)


def total_variation(fitted: dgm.Fitted, truth: LogDensity, edge: float = 12.0) -> float:
    """½ ∫ |p − truth| on a grid over [−edge, edge]², both normalised there."""
    axis = (np.arange(480) + 0.5) * (2 * edge / 480) - edge
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(np.float32)
    p, q = (np.exp(log - logsumexp(log)) for log in (-fitted.energy(points), truth(points)))
    return 0.5 * float(np.abs(p - q).sum())


def independent(train: np.ndarray, test: np.ndarray) -> float:
    """The nats of pictures of dots under independent pixels, each with its smoothed mean."""
    p = (train.reshape(len(train), -1).sum(axis=0) + 1) / (len(train) + 2)
    q = test.reshape(len(test), -1)
    return -float((q * np.log(p) + (1 - q) * np.log1p(-p)).sum(axis=1).mean())


def independent_levels(train: np.ndarray, test: np.ndarray, levels: int) -> np.ndarray:
    """log p [n] of whole numbers [n, d], each entry by its own smoothed frequencies."""
    seen = np.stack([(train == k).sum(axis=0) + 1 for k in range(levels)])
    return np.log(np.take_along_axis(seen, test, 0) / (len(train) + levels)).sum(axis=1)


def gaussian_levels(train: np.ndarray, test: np.ndarray, ridge: float = 1 / 12) -> np.ndarray:
    """A lower bound of log p [n] of whole numbers by a Gaussian with noise within their bins.

    Its mean and covariance are those of the noised training data: `ridge` is the noise's variance.
    """
    covariance = np.cov(train.T) + ridge * np.eye(train.shape[1])
    apart = test + np.random.default_rng(0).random(test.shape) - (train.mean(axis=0) + 0.5)
    squares = np.sum(apart * np.linalg.solve(covariance, apart.T).T, axis=1)
    return -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])


def logistic(train: np.ndarray, test: np.ndarray) -> float:
    """The nats of a logistic regression of each pixel on those before it; `test` holds dots."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    grey = np.concatenate([train.reshape(len(train), -1)] * 4)
    seen, dots = (rng.random(grey.shape) < grey).astype(float), test.reshape(len(test), -1)
    total = np.zeros(len(dots))
    for i in range(dots.shape[1]):
        if i == 0 or seen[:, i].std() == 0:
            p = (seen[:, i].sum() + 1) / (len(seen) + 2)
            chances = np.tile(np.log([1 - p, p]), (len(dots), 1))
        else:
            model = LogisticRegression(C=0.1, max_iter=300).fit(seen[:, :i], seen[:, i])
            chances = model.predict_log_proba(dots[:, :i])
        total += np.where(dots[:, i] > 0, chances[:, 1], chances[:, 0])
    return -float(total.mean())


def _blobs(x: np.ndarray, means: np.ndarray, sigma: float) -> np.ndarray:
    squares = ((x[:, None] - means) ** 2).sum(axis=2) / (2 * sigma**2)
    return logsumexp(-squares, axis=1) - np.log(len(means) * 2 * np.pi * sigma**2)

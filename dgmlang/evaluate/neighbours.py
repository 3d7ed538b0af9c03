"""What nearest neighbours say of draws: precision, recall, and whether training data are copied."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from dgmlang.evaluate.result import Result
from dgmlang.evaluate.two_sample import Sample, TwoSample

K = 3
"""The neighbour whose distance is an example's reach (Kynkäänniemi et al. 2019, section 3)."""


def precision(data: Sample, draws: Sample) -> TwoSample:
    """The share of draws that lie within reach of some example of the data.

    Source: Kynkäänniemi et al. 2019, eq. 2, arXiv 1904.06991.
    """
    return _covered(data, draws, "draws within reach of data")


def recall(data: Sample, draws: Sample) -> TwoSample:
    """The share of the data that lie within reach of some draw."""
    return _covered(draws, data, "data within reach of draws")


def memorisation(train: Sample, data: Sample, draws: Sample) -> TwoSample:
    """How often a draw is nearer to the training data than held-out data are, ½ without copying.

    Its p-value, of Mann & Whitney, is small where draws are too near.
    Source: Meehan, Chaudhuri & Dasgupta 2020, eq. 1, arXiv 2004.05675.
    """
    near, far = (cdist(x, train).min(axis=1) for x in (draws, data))
    found = mannwhitneyu(near, far, alternative="less")
    share = 1.0 - float(found.statistic) / (len(near) * len(far))
    error = np.sqrt((len(near) + len(far) + 1) / (12 * len(near) * len(far)))
    told = f"draws nearer to {len(train)} training examples than held-out data"
    return TwoSample(Result(share, "estimate", error, told), float(found.pvalue))


def _covered(of: Sample, points: Sample, told: str) -> TwoSample:
    within = cdist(of, of)
    k = min(K, len(of) - 1)
    reach = np.partition(within, k, axis=1)[:, k]  # the 0th is the example itself
    share = (cdist(points, of) <= reach[None]).any(axis=1).mean()
    error = np.sqrt(share * (1 - share) / len(points))
    return TwoSample(Result(share, "estimate", error, f"{told}, k = {k}"))

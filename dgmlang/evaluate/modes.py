"""Whether draws come to each mode of a law whose modes are known."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from dgmlang.evaluate.result import Result
from dgmlang.evaluate.two_sample import Sample, TwoSample

SHARE = 0.2
"""The part of its fair share of draws from which a mode counts as covered."""


def coverage(draws: Sample, modes: Sample, radius: float) -> TwoSample:
    """The share of modes that have a fifth of their fair share of draws near them.

    A draw is a mode's where that is the nearest and within the radius; the modes are alike likely.

    Args:
        draws: Examples [n, d].
        modes: Their places [k, d].
        radius: Three standard deviations of a mode, say.
    """
    apart = cdist(draws, modes)
    near = apart.min(axis=1) <= radius
    counts = np.bincount(apart.argmin(axis=1)[near], minlength=len(modes))
    fair = len(draws) / len(modes)
    covered = int(np.sum(counts >= SHARE * fair))
    told = f"{covered} of {len(modes)} modes have {SHARE:g} of their share within {radius:g}"
    told = f"{told}; {near.mean():.0%} of the draws are within it of some mode"
    return TwoSample(Result(covered / len(modes), "estimate", None, told))

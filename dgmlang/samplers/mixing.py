"""Whether chains have mixed: R̂ and effective sample sizes of what was recorded of them.

Both are of rank-normalised halves of the chains, so that heavy tails do no harm; R̂ is the larger of
those of the values and of their distances from the median, which sees chains that differ in spread.

Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, eqs. 3 to 14, arXiv 1903.08008.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from scipy.special import ndtri

MIXED = 1.05
"""R̂ above this: chains still remember where they began, or each keeps to a mode of its own."""

FEWEST = 8
"""Records of a chain that a half needs four of."""

RARE = 0.1
"""Acceptance below this: chains stand still most of the time."""


@dataclass(frozen=True)
class Diagnostics:
    """What chains tell of themselves.

    Attributes:
        chains: How many there are; each gives one draw.
        transitions: Of each chain, those of the warm-up among them.
        r_hat: By number that was recorded; 1 where all chains agree.
        ess: Independent draws that the recorded states of all chains are worth.
        facts: What the sampler reports: acceptance, step, swaps.
        advice: One line on what to do, "" where the chains have mixed.
    """

    chains: int
    transitions: int
    r_hat: Mapping[str, float]
    ess: Mapping[str, float]
    facts: Mapping[str, float]
    advice: str

    @property
    def mixed(self) -> bool:
        """Whether there is nothing to advise."""
        return not self.advice

    def __str__(self) -> str:
        worst = max(self.r_hat, key=lambda name: self.r_hat[name])
        told = [f"{self.chains} chains of {self.transitions} transitions"]
        told += [f"R̂ {self.r_hat[worst]:.3f} ({worst})", f"ESS {min(self.ess.values()):,.0f}"]
        told += [f"{name} {value:.3g}" for name, value in self.facts.items()]
        return "; ".join(told) + (f"\n{self.advice}" if self.advice else "")


def diagnosed(
    traces: Mapping[str, np.ndarray],
    facts: Mapping[str, float],
    transitions: int,
    setting: str,
    others: Collection[str],
) -> Diagnostics | None:
    """What the traces [chains, records] say; None where there are too few records to say it.

    Args:
        traces: By name of the number; ones that never vary say nothing.
        facts: What the sampler reports.
        transitions: Of each chain.
        setting: The name of the sampler's setting that lengthens it.
        others: Samplers that are legal too.
    """
    told = {n: np.asarray(t, float) for n, t in traces.items() if np.ptp(t) > 0}
    if not told or next(iter(told.values())).shape[1] < FEWEST:
        return None
    r_hat = {name: split_r_hat(trace) for name, trace in told.items()}
    ess = {name: bulk_ess(trace) for name, trace in told.items()}
    advice = _advice(r_hat, facts, setting, others)
    chains = next(iter(told.values())).shape[0]
    return Diagnostics(chains, transitions, r_hat, ess, dict(facts), advice)


def split_r_hat(trace: np.ndarray) -> float:
    """The rank-normalised R̂ of [chains, records], the larger of bulk and tails."""
    halves = _halves(trace)
    folded = np.abs(halves - np.median(halves))
    return max(float(gelman_rubin(_normal_scores(each))) for each in (halves, folded))


def bulk_ess(trace: np.ndarray) -> float:
    """The effective sample size of rank-normalised halves of [chains, records]."""
    return float(effective_sample_size(_normal_scores(_halves(trace))))


def _halves(trace: np.ndarray) -> np.ndarray:
    """[chains, records] → [2 chains, records // 2]; the middle one of an odd number is left out."""
    half = trace.shape[1] // 2
    return np.concatenate([trace[:, :half], trace[:, -half:]])


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks, ties at their mean, as quantiles of N(0, 1)."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    share = (ranks - 0.375) / (values.size + 0.25)
    return ndtri(share)[place].reshape(values.shape)


def _advice(
    r_hat: Mapping[str, float], facts: Mapping[str, float], setting: str, others: Collection[str]
) -> str:
    worst = max(r_hat, key=lambda name: r_hat[name])
    if facts.get("acceptance", 1.0) < RARE:
        return f"only {facts['acceptance']:.1%} of the proposals are accepted: take smaller steps"
    if r_hat[worst] <= MIXED:
        return ""
    way = f"raise `{setting}`"
    if "temper" in others:
        way += ", or draw by `temper`, which crosses between modes"
    return f"the chains have not mixed (R̂ {r_hat[worst]:.2f} of {worst}): {way}"

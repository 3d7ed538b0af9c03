"""How unusual examples are: by log p, by its rank among data, by its ratio to another model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import mannwhitneyu

from dgmlang.compiler.diagnostics.codes import judging as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.answers import hidden
from dgmlang.evaluate.result import Result

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

DRAWS = 1000
"""Draws of the model among which examples are ranked where no data are given."""


@dataclass(frozen=True)
class Anomaly:
    """How usual each of n examples is; small numbers are unusual.

    Attributes:
        score: log p(x) [n], or less the other model's; of an energy up to a constant.
        rank: (1 + how many of the reference score no higher) / (1 + how many there are) [n]: a
            p-value, where the reference has the law that is taken for usual.
        area: The area under the ROC curve by which scores tell the examples from the reference: how
            often one of the reference scores higher, ½ if they are alike.
    """

    score: Result
    rank: Result
    area: Result


def anomaly(
    fitted: Fitted, data: Any, reference: Any, simpler: Any, method: str | None, seed: int
) -> Anomaly:
    """See `Fitted.anomaly`."""
    score = _score(fitted, data, simpler, method, seed)
    if reference is None:
        if fitted.model.plan.program.having("given"):
            raise DgmError(codes.no_reference(fitted.model.name))
        among = _score(fitted, _draws(fitted, seed), simpler, method, seed + 1)
        told = f"among {DRAWS} draws of the model"
    else:
        among = _score(fitted, reference, simpler, method, seed + 1)
        told = f"among {len(among)} reference examples"
    ranks = 1 + np.searchsorted(np.sort(among.value), score.value, side="right")
    n, m = len(score), len(among)
    area = float(mannwhitneyu(among.value, score.value).statistic) / (n * m)
    rank = Result(ranks / (1 + m), "estimate", None, f"rank {told}")
    return Anomaly(score, rank, Result(area, "estimate", _error(area, n, m), f"ROC, {told}"))


def _score(fitted: Fitted, data: Any, simpler: Any, method: str | None, seed: int) -> Result:
    """Log p, or less log q of the other model, with errors of both; minus the energy otherwise."""
    if hidden(fitted.model.plan.facts) and method is None:
        energy = fitted.energy(data)
        own = Result(-energy.value, energy.kind, None, "minus the energy, up to a constant")
    else:
        own = fitted.log_prob(data, method=method, seed=seed)
    if simpler is None:
        return own
    other = _score(simpler, data, None, None, seed)
    errors = [r.stderr for r in (own, other) if r.stderr is not None]
    error = np.sqrt(sum(e**2 for e in errors)) if errors else None
    kind = "exact" if own.kind == other.kind == "exact" else "estimate"
    return Result(own.value - other.value, kind, error, f"{own.method}, less {other.method}")


def _draws(fitted: Fitted, seed: int) -> dict[str, Any]:
    drawn = fitted.sample(DRAWS, seed=seed)
    data = fitted.model.plan.program.having("data")
    return {data[0].name: np.asarray(drawn)} if len(data) == 1 else dict(drawn)


def _error(area: float, n: int, m: int) -> float:
    """The standard error of an area (Hanley & McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (m - 1) * (one - area**2) + (n - 1) * (two - area**2)
    return float(np.sqrt(max(variance, 0.0) / (n * m)))

"""Divergences between two fitted models of the same data.

With r = log p − log q: KL(p ‖ q) = E_p r, and of the mixture m = (p + q) / 2, whose integrands are
bounded, Jensen–Shannon E_m [s log 2s + (1 − s) log 2(1 − s)], total variation E_m |2s − 1| and
squared Hellinger E_m [1 − 2 √(s (1 − s))], where s = p / (p + q) = sigmoid(r).

| models | way | kind |
| --- | --- | --- |
| finite data of at most 2^16 joint states | a sum over them | exact |
| two Gaussians, `kl` and `reverse_kl` | closed form | exact |
| draws and normalised densities | means over draws | estimate, with its standard error |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, xlogy

from dgmlang.compiler.derive.remove import states
from dgmlang.compiler.diagnostics.codes import comparing as codes
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.eliminate import states as all_states
from dgmlang.compiler.lower.quadratic import expanded
from dgmlang.compiler.plan.answers import undiverging
from dgmlang.compiler.program import Variable
from dgmlang.evaluate.conditional import conditional
from dgmlang.evaluate.result import Result

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

LARGEST = 16
"""log₂ of the joint states that are summed over."""

OF_MIXTURE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "js": lambda s: xlogy(s, 2 * s) + xlogy(1 - s, 2 * (1 - s)),
    "tv": lambda s: np.abs(2 * s - 1),
    "hellinger": lambda s: 1 - 2 * np.sqrt(s * (1 - s)),
}
"""What is averaged under (p + q) / 2, of s = p / (p + q)."""

KNOWN = ("kl", "reverse_kl", *OF_MIXTURE)


def divergence(p: Fitted, q: Fitted, kind: str = "kl", *, n: int = 10_000, seed: int = 0) -> Result:
    """How far two fitted models of the same data are apart, in nats where it is a KL.

    Args:
        p: A model that has draws and a normalised density.
        q: Another one.
        kind: `kl` is KL(p ‖ q), `reverse_kl` KL(q ‖ p); `js` Jensen–Shannon; `tv` total variation;
            `hellinger` the squared Hellinger distance, at most 1.
        n: Draws of each model, where the answer is an estimate.
        seed: Of those draws.

    Returns:
        A number, with its standard error where it is an estimate.

    Raises:
        DgmError: DGM0803; DGM0862 where the data differ, DGM0863 without normalised densities.
    """
    if kind not in KNOWN:
        raise DgmError(queries.unknown_choice("divergence", kind, KNOWN))
    variables = _same_data(p, q)
    for fitted in (p, q):
        _require_density(fitted)
    if kind == "reverse_kl":
        return divergence(q, p, "kl", n=n, seed=seed)
    plain = not any(f.inlet.preparation.chains for f in (p, q))
    counts = [states(v) for v in variables]
    if plain and all(c is not None for c in counts) and sum(c or 0 for c in counts) <= LARGEST:
        return _summed(p, q, kind, variables)
    if plain and kind == "kl" and (gaussians := _gaussians(p, q, variables)) is not None:
        return gaussians
    return _estimated(p, q, kind, n, seed)


def _same_data(p: Fitted, q: Fitted) -> tuple[Variable, ...]:
    found = []
    for fitted in (p, q):
        found.append({v.name: v for v in fitted.model.plan.program.having("data")})
    shown = [{n: str(v.type) for n, v in each.items()} for each in found]
    if shown[0] != shown[1]:
        raise DgmError(codes.other_data(p.model.name, q.model.name, *shown))
    return tuple(found[0].values())


def _require_density(fitted: Fitted) -> None:
    plan = fitted.model.plan
    why = undiverging(plan, dequantised=fitted.inlet.bounds(plan.program))
    if why is not None:
        raise DgmError(codes.no_divergence(fitted.model.name, why))


def _summed(p: Fitted, q: Fitted, kind: str, variables: tuple[Variable, ...]) -> Result:
    every = {name: np.asarray(array) for name, array in all_states(list(variables)).items()}
    logs = [np.asarray(f.log_prob(every), float) for f in (p, q)]
    a, b = (np.exp(log) for log in logs)
    told = f"a sum over {len(a):,} states"
    if kind == "kl":
        with np.errstate(invalid="ignore"):
            terms = np.where(a > 0, a * (logs[0] - logs[1]), 0.0)
        return Result(terms.sum(), "exact", None, told)
    with np.errstate(invalid="ignore"):
        shares = np.where(a + b > 0, a / (a + b), 0.5)
    return Result((0.5 * (a + b) * OF_MIXTURE[kind](shares)).sum(), "exact", None, told)


def _gaussians(p: Fitted, q: Fitted, variables: tuple[Variable, ...]) -> Result | None:
    """½ (tr Σq⁻¹Σp + |μq − μp|²_{Σq⁻¹} − d + log |Σq| / |Σp|), where both are Gaussians."""
    names = {v.name for v in variables}
    moments = []
    for fitted in (p, q):
        how = conditional(fitted.model, names, set())
        if how.finite or not names <= set(how.reals):
            return None
        density, params = fitted.model.lowered.log_prob, fitted.raw
        found = expanded(lambda x, f=density, w=params: f(w, x), variables, {})
        root = np.asarray(found.root, float)
        precision = root @ root.T
        moments.append((np.linalg.solve(precision, np.asarray(found.slope, float)), precision))
    (mean, own), (other_mean, other) = moments
    apart = other_mean - mean
    _, log_own = np.linalg.slogdet(own)
    _, log_other = np.linalg.slogdet(other)
    trace = np.trace(other @ np.linalg.inv(own))
    value = 0.5 * (trace + apart @ other @ apart - len(mean) + log_own - log_other)
    return Result(value, "exact", None, "closed form of two Gaussians")


def _estimated(p: Fitted, q: Fitted, kind: str, n: int, seed: int) -> Result:
    """A mean over draws of p, or over as many of each."""
    of_p, how = _log_ratios(p, p, q, n, seed)
    if kind == "kl":
        told = f"{n} draws of {p.model.name}; {how}"
        return Result(of_p.mean(), "estimate", of_p.std(ddof=1) / np.sqrt(n), told)
    of_q, _ = _log_ratios(q, p, q, n, seed + 1)
    each = [OF_MIXTURE[kind](expit(ratio)) for ratio in (of_p, of_q)]
    error = 0.5 * np.sqrt(sum(x.var(ddof=1) / n for x in each))
    return Result(0.5 * sum(x.mean() for x in each), "estimate", error, f"{n} draws of each; {how}")


def _log_ratios(of: Fitted, p: Fitted, q: Fitted, n: int, seed: int) -> tuple[np.ndarray, str]:
    drawn = of.sample(n, seed=seed)
    how = next(iter(drawn.values())).method if isinstance(drawn, dict) else drawn.method
    return np.asarray(p.log_prob(drawn), float) - np.asarray(q.log_prob(drawn), float), how

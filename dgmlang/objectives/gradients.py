"""Which estimator of its gradient each latent of a bound takes, where the caller asks for one."""

from __future__ import annotations

from dataclasses import replace

from dgmlang.compiler.derive.facts import Bounded
from dgmlang.compiler.derive.remove import BUDGET
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import ComputedLaw
from dgmlang.evaluate.states import total_states, whole

AUTO = "auto"
SOFT = ("relaxed", "straight_through")
"""Estimators by draws between the values of a bit; both are biased."""

ESTIMATORS = (AUTO, "pathwise", "enumerate", "reinforce", *SOFT)


def with_gradient(lowered: Lowered, asked: str) -> Lowered:
    """The model whose latents take the estimator asked for; those that cannot keep their own.

    Args:
        lowered: The model, each bounded latent with the estimator that was derived for it.
        asked: One of `ESTIMATORS`.

    Raises:
        DgmError: DGM0803 for another word; DGM0895 where no latent can take it.
    """
    if asked not in ESTIMATORS:
        raise DgmError(queries.unknown_choice("gradient", asked, ESTIMATORS))
    if asked == AUTO:
        return lowered
    latents = lowered.facts.bounded
    refused = {b.variable: why for b in latents if (why := _why_not(b, asked, lowered))}
    if len(refused) == len(latents):
        raise DgmError(queries.no_such_gradient(asked, refused))
    chosen = tuple(b if b.variable in refused else replace(b, gradient=asked) for b in latents)
    if asked == "enumerate":
        _require_few([b.variable for b in chosen if b.gradient == asked], lowered)
    return Lowered(replace(lowered.built, facts=replace(lowered.facts, bounded=chosen)))


def _require_few(names: list[str], lowered: Lowered) -> None:
    """DGM0895 where latents have too many joint states, few as those of each may be."""
    bits = _bits(names, lowered)
    if 2**bits > BUDGET:
        why = f"together with the others it has 2^{bits:.0f} states"
        raise DgmError(queries.no_such_gradient("enumerate", dict.fromkeys(names, why)))


def _why_not(latent: Bounded, asked: str, lowered: Lowered) -> str | None:
    """Why a latent cannot take an estimator, a clause; None where it can."""
    variable, guide = lowered.program.variables[latent.variable], lowered.program.guide
    finite = variable.type.kind.space == "finite"
    if guide is None or isinstance(guide.laws.get(latent.variable), ComputedLaw):
        return "the guide computes it, with no law"
    if asked == "pathwise" and latent.gradient != "pathwise":
        return "its draws are discrete" if finite else "no path leads through its draws"
    if asked in SOFT:
        return latent.rigid if finite else "it is continuous, and its own estimator has no bias"
    if asked == "enumerate":
        bits = _bits([latent.variable], lowered) if finite else 0
        many = f"it has 2^{bits:.0f} states" if 2**bits > BUDGET else None
        return many if finite else "it is continuous"
    return None


def _bits(names: list[str], lowered: Lowered) -> float:
    """log₂ of how many joint states finite latents have."""
    return total_states(tuple(whole(lowered.program.variables[name]) for name in names))

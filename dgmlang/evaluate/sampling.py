"""Draws of all variables, and what a person is told of the chains that they came from."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import jax

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.plan.methods import sampler as named_sampler
from dgmlang.compiler.plan.plan import Plan
from dgmlang.evaluate.completing import completed, known_of
from dgmlang.evaluate.conditions import condition, looks_back
from dgmlang.evaluate.log_prob import evaluated
from dgmlang.evaluate.parts import Parts, parts
from dgmlang.evaluate.result import Result, draws
from dgmlang.evaluate.sound import sound_at
from dgmlang.posterior.draws import predictive
from dgmlang.registry import implementation
from dgmlang.runtime.progress import Progress
from dgmlang.samplers.mixing import Diagnostics, diagnosed
from dgmlang.samplers.sampler import AbstractChain, AbstractSampler
from dgmlang.samplers.watched import Watched, watched

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def sampled(
    fitted: Fitted,
    n: int,
    given: Mapping[str, Any],
    sampler: str | Expression | None,
    seed: int,
    progress: Progress,
    note: str = "",
) -> dict[str, Result]:
    """N draws of every variable, each [n, …] (DGM0412); `note` is one more thing to say of them."""
    plan, lowered = fitted.model.plan, fitted.model.lowered.counted
    found = parts(fitted, given)
    given = found.written
    if looks_back(plan.program, given, found.missing):
        return _completed(fitted, n, found, sampler, seed, progress, note)
    method = named_sampler(plan, sampler)
    count = int(n)
    held, key = condition(fitted, given, count), jax.random.key(seed)

    def run(lowered: Lowered) -> Watched:
        own, several = fitted._sampler(lowered, method), fitted._drawn_params
        if several is not None:
            return Watched(*predictive(own, several, key, count, held), {})
        return watched(own, fitted.raw, key, count, held, progress)

    drawn = lowered.sound(run)
    sound_at(fitted, drawn.values)
    chosen = fitted._sampler(lowered, method)
    each = "" if fitted._drawn_params is None else "each at a draw of the parameters"
    how = f"{method}{evaluated(lowered)}"
    told = "; ".join(filter(None, (how, chosen.told(drawn.facts), each, note)))
    return draws(drawn.values, told, mixing_of(plan, chosen, drawn))


def _completed(
    fitted: Fitted,
    n: int,
    found: Parts,
    sampler: str | Expression | None,
    seed: int,
    progress: Progress,
    note: str,
) -> dict[str, Result]:
    """Draws of the rest where a value is given that a draw would have to reason back from."""
    at = known_of(fitted, found, int(n))
    got = completed(fitted, at, sampler, jax.random.key(seed), progress)
    sound_at(fitted, got.values)
    told = "; ".join(filter(None, (got.how, note)))
    chains = None if got.sampler is None else mixing_of(fitted.model.plan, got.sampler, got.watched)
    return draws(got.values, told, chains)


def require_count(n: object) -> None:
    """DGM0812 where a number of draws is none."""
    if not isinstance(n, Integral) or n < 1:
        raise DgmError(codes.wrong_draws(n))


def mixing_of(plan: Plan, sampler: AbstractSampler, drawn: Watched) -> Diagnostics | None:
    """None where the draws are no chain's, or it is too short to tell."""
    if not isinstance(sampler, AbstractChain) or not drawn.traces:
        return None
    others = [
        name
        for name, verdict in plan.samplers.items()
        if verdict.legal and implementation("sampler", name) is not type(sampler)
    ]
    facts = {name: float(value) for name, value in drawn.facts.items()}
    return diagnosed(drawn.traces, facts, sampler.total, sampler.lengthened_by, others)

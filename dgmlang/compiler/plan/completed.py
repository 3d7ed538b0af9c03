"""How `predict` and `impute` go where all other data are known: for each variable apart."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.plan.conditional import Split, chain, goes_on, split
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.source import Span

DRAWS = 256
"""Draws an example behind the estimate of a law."""

WAYS = {"levels": "level by level", "table": "a table", "moments": "Gaussians"}


@frozen()
class Way:
    """The kind of an answer, and how it comes about, or why there is none."""

    kind: str
    how: str
    span: Span | None = None


def predictions(plan: Plan) -> dict[str, Way]:
    """The law of each variable of the data, and of each latent, given the other data."""
    return {v.name: _predicted(plan, v.name) for v in plan.program.having("data", "latent")}


def _predicted(plan: Plan, name: str) -> Way:
    latent = plan.program.variables[name].role == "latent"
    unknown = frozenset() if latent else frozenset({name})
    found = _split(plan, unknown, frozenset({name}) if latent else frozenset(), joint=False)
    if isinstance(found, Way):
        return found
    exactly = found.exactly(name, {}, 1)
    return Way("estimate", f"{DRAWS} draws") if exactly is None else Way("exact", WAYS[exactly])


def completions(plan: Plan) -> dict[str, Way]:
    """Draws of each variable of the data, some or all of it missing, given the other data."""
    return {v.name: _completed(plan, v.name) for v in plan.program.having("data")}


def _completed(plan: Plan, name: str) -> Way:
    found = _split(plan, frozenset({name}), frozenset(), joint=True)
    if isinstance(found, Way):
        return found
    if not found.free:
        return Way("draws", "from its law")
    if found.fits({}, 1):
        parts = ["a table"] * bool(found.finite) + ["Gaussians"] * bool(found.reals)
        return Way("draws", " and ".join(parts))
    exact = ", exact behind its first entries" if goes_on(found) else ""
    return Way("approximate draws", f"{chain(found)}{exact}")


def gaussian(plan: Plan) -> bool:
    """Whether the data are Gaussian together."""
    names = frozenset(v.name for v in plan.program.having("data"))
    found = _split(plan, names, frozenset(), joint=False)
    return isinstance(found, Split) and not found.finite and names <= {*found.reals}


def _split(
    plan: Plan, unknown: frozenset[str], asked: frozenset[str], *, joint: bool
) -> Split | Way:
    """The conditional law, or why it has no density."""
    known: frozenset[str] = frozenset()
    try:
        return split(plan.program, plan.facts.marginalised, unknown, known, asked, joint=joint)
    except DgmError as error:
        first = error.diagnostics[0]
        span = first.labels[0].span if first.labels else None
        return Way("unavailable", first.why[0], span)

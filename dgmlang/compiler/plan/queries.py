"""What can be asked of a model: the kind of each answer, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dgmlang.compiler.derive.capabilities import summed
from dgmlang.compiler.derive.directions import COSTS, directions
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.library import library
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.program import Past
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import arguments, walk


@dataclass(frozen=True)
class Query:
    """`kind` is exact, model, bound, estimate, unnormalised, draws or approximate draws."""

    name: str
    kind: str
    cost: str


def queries(plan: Plan) -> tuple[Query, ...]:
    """Every query that this model answers."""
    return tuple(_queries(plan))


def _queries(plan: Plan) -> Iterator[Query]:
    facts = plan.facts
    yield _sample(plan)
    yield from _log_prob(plan)
    if facts.summation is not None:
        yield Query("log_normalizer", "exact", summed(facts.summation))
    if facts.removed or (facts.bounded and plan.program.guide):
        kind = "draws" if facts.bounded else "exact"
        yield Query("posterior", kind, "one pass")
    if facts.flags["energy"]:
        yield Query("energy", "exact", "one pass")
    if facts.score.value != "none":
        exact = facts.score.value == "exact"
        yield Query("score", facts.score.value, "one gradient" if exact else "one pass")


def _log_prob(plan: Plan) -> Iterator[Query]:
    facts = plan.facts
    if facts.density.value == "exact":
        kind = "unnormalised" if facts.normaliser.value == "unknown" else "exact"
        yield Query("log_prob", kind, _density_cost(facts))
    elif (
        facts.density.value == "bound" and facts.flags["guide_density"] and facts.flags["directed"]
    ):
        yield Query("log_prob", "bound", "one pass a sample of the guide")
    elif facts.flags["process"]:
        yield Query("log_prob", "estimate", "one ODE with its divergence")


def _density_cost(facts: Facts) -> str:
    turned = sum({r.turns: r.states for r in facts.removed if r.turns}.values())
    states = max((r.states for r in facts.removed if not r.turns), default=0)
    if turned:
        return f"{turned * max(states, 1)} table entries summed"
    return f"{states} states summed" if states else "one pass"


def _sample(plan: Plan) -> Query:
    name = plan.default_sampler
    if name == "ancestral":
        return Query("sample", "draws", _depth(plan))
    if name not in library().externs["sampler"]:
        return Query("sample", "approximate draws", name)
    settings = {p.name: p.default for p in library().externs["sampler"][name].parameters}
    shown = [
        f"{node.value} {key}"
        for key in ("sweeps", "steps", "warmup")
        if isinstance(node := settings.get(key), ast.Number)
    ]
    return Query("sample", "approximate draws", f"{name}: {', '.join(shown) or 'one solve'}")


def _depth(plan: Plan) -> str:
    """How many evaluations must follow one another."""
    program = plan.program
    deepest = [run.steps for run in plan.facts.runs if set(run.ways) != {"plate"}]
    if deepest:
        known = [s for s in deepest if s is not None]
        if len(known) < len(deepest):
            return "a step a turn of the loop"
        return f"{max(known)} sequential steps"
    for variable in program.having("data"):
        for node in walk(*arguments(variable.law)) if variable.law else ():
            if isinstance(node, Past):
                return f"{size(node.type.array_shape)} sequential steps"
    iterated = [d.stage for d in directions(program) if d.draw == COSTS["iterative"]]
    return f"one pass, {iterated[0]} by an iteration" if iterated else "one pass"

"""What can be asked of a model: the kind of each answer, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dgmlang.compiler.derive.capabilities import summed
from dgmlang.compiler.derive.directions import directions
from dgmlang.compiler.derive.divergence import estimated, vector_fields
from dgmlang.compiler.derive.facts import Facts, Removal
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.plan import depth
from dgmlang.compiler.plan.conditions import idle
from dgmlang.compiler.plan.costs import (
    Cost,
    Root,
    conditioners,
    evaluations,
    memory,
    roots,
    sequence,
)
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.program import Law, Program, Repeated, ScoreLaw
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import size


@frozen()
class Query:
    """`kind` is exact, model, bound, estimate, unnormalised (bound), (approximate) draws."""

    name: str
    kind: str
    cost: Cost


def queries(plan: Plan) -> tuple[Query, ...]:
    """Every query that this model answers."""
    return tuple(_queries(plan))


def _queries(plan: Plan) -> Iterator[Query]:
    facts = plan.facts
    yield Query("sample", *_sample(plan))
    yield from _log_prob(plan)
    if facts.gaussian is not None:
        yield Query("log_normalizer", "exact", Cost(note="one Cholesky factor"))
    if facts.summation is not None:
        yield Query("log_normalizer", "exact", Cost(note=summed(facts.summation)))
    elif facts.flags["energy"] and facts.gaussian is None:
        yield Query("log_normalizer", "estimate", Cost(note="annealed importance sampling"))
    if facts.removed or (facts.bounded and plan.program.guide):
        bounded = bool(facts.bounded)
        cost = _guide(plan) if bounded else _density(plan)
        yield Query("posterior", "draws" if bounded else "exact", cost)
    if facts.flags["energy"]:
        yield Query("energy", "exact", _energies(plan))
        yield _mode(facts)
    elif facts.removed and all(r.over_states for r in facts.removed):
        yield Query("mode", "exact", replace(_density(plan), note="max in place of sum"))
    if facts.score.value != "none":
        exact = facts.score.value == "exact"
        cost = _gradient(plan) if exact else _energies(plan)
        yield Query("score", facts.score.value, cost)


def _mode(facts: Facts) -> Query:
    """The most likely state of an energy's variables."""
    if facts.gaussian is not None:
        return Query("mode", "exact", Cost(note="mean of a Gaussian"))
    found = facts.summation
    if found is not None and found.rule == "states":
        return Query("mode", "exact", Cost(note=f"{found.entries:,} states looked at"))
    return Query("mode", "estimate", Cost(note="annealing"))


def _log_prob(plan: Plan) -> Iterator[Query]:
    facts = plan.facts
    guided = facts.flags["guide_density"] and facts.flags["directed"]
    if facts.density.value == "exact":
        random = estimated(plan.program)
        kind = "unnormalised" if facts.normaliser.value == "unknown" else "exact"
        kind = "estimate" if random and kind == "exact" else kind
        yield Query("log_prob", kind, _density(plan))
    elif facts.density.value == "bound" and guided:
        laws = [*_laws(plan.program), *_guide_laws(plan.program)]
        steps = depth.of_bound(plan.program, facts)
        note = f"{sequence(steps)} a sample of the guide"
        cost = _of(plan, laws, _found(plan), note, steps)
        hidden = facts.normaliser.value == "unknown"
        yield Query("log_prob", "unnormalised bound" if hidden else "bound", cost)
    elif facts.flags["continuous_process"]:
        cost = _of(plan, [], _found(plan), note="one ODE with its divergence", steps=None)
        yield Query("log_prob", "estimate", cost)
    elif facts.flags["process"]:
        cost = _of(plan, [], _found(plan), note="one evaluation a step of `vlb`", steps=None)
        yield Query("log_prob", "bound", cost)


# ── the parts of a program ───────────────────────────────────────────────────────────────────────


def _laws(program: Program) -> list[Law]:
    known = program.having("data", "latent", "state")
    return [v.law for v in known if v.law is not None]


def _guide_laws(program: Program) -> list[Law]:
    return [] if program.guide is None else list(program.guide.laws.values())


def _found(plan: Plan) -> list[Root]:
    """What the model's own laws and energies are made of."""
    return [*roots(_laws(plan.program)), *(Root(e, 1) for e in plan.program.energies)]


def _of(
    plan: Plan,
    laws: list[Law],
    found: list[Root],
    note: str = "",
    steps: int | None = 1,
    states: int = 0,
) -> Cost:
    facts = plan.facts
    more = [root for root in roots(laws) if root not in found]
    every = [*found, *more]
    nets = evaluations(every, plan.program, facts if states else None) | conditioners(laws)
    room = memory(every, laws, plan.program, _at_once(plan) if states else 1)
    return Cost(steps, nets, states, room, note)


def _density(plan: Plan) -> Cost:
    facts, laws = plan.facts, _laws(plan.program)
    steps = depth.of_density(plan.program, facts)
    solved = "an ODE with its divergence" if vector_fields(plan.program) else ""
    found = _of(plan, laws, _found(plan), solved, None if solved else steps, _summed(facts))
    turned = any(r.states and (r.turns or r.elimination) for r in facts.removed)
    return replace(found, summed="table entries") if turned else found


def _gradient(plan: Plan) -> Cost:
    cost = _density(plan)
    turns = "" if cost.steps == 1 else f", {cost.note or sequence(cost.steps)}"
    return replace(cost, note=f"one gradient{turns}")


def _summed(facts: Facts) -> int:
    """How many numbers are summed: joint states, or the entries of the tables of all turns."""
    turned = sum({r.turns: r.states for r in facts.removed if r.turns}.values())
    states = max((r.states for r in facts.removed if not r.turns), default=0)
    return turned * max(states, 1) if turned else states


def _at_once(plan: Plan) -> int:
    """How many states are looked at together: all of them, or those of one turn."""
    return max((_each(r, plan.program) for r in plan.facts.removed), default=1)


def _each(removal: Removal, program: Program) -> int:
    law = program.variables[removal.variable].law
    if removal.turns is None or not isinstance(law, Repeated):
        return removal.states
    return removal.states // (size(tuple(loop.stop for loop in law.loops)).value or 1)


def _guide(plan: Plan) -> Cost:
    laws = _guide_laws(plan.program)
    return _of(plan, laws, roots(laws))


def _energies(plan: Plan) -> Cost:
    return _of(plan, [], _found(plan))


# ── draws ────────────────────────────────────────────────────────────────────────────────────────


def _sample(plan: Plan) -> tuple[str, Cost]:
    samplers = library().externs["sampler"]
    sampler = samplers[(plan.inner or plan).default_sampler]
    if sampler.has("exact"):
        return "draws", _ancestral(plan)
    return "approximate draws", _chain(plan, sampler)


def _chain(plan: Plan, sampler: Extern) -> Cost:
    """A chain or a solver: its evaluations, each of all energies or of the score."""
    program, facts = plan.program, (plan.inner or plan).facts
    turns, unread = depth.of_sampler(sampler, facts), idle(sampler, facts)
    settings = [
        f"{p.default.value} {p.name}"
        for p in sampler.parameters
        if isinstance(p.default, ast.Number)
        and isinstance(p.default.value, int)
        and p.default.value
        and p.name not in unread
    ]
    note = f"{sampler.name}: {', '.join(settings) or 'one solve'}"
    found = [*(Root(e, 1) for e in program.energies), *roots(_scores(program))]
    once = evaluations(found, program, None)
    nets = {net: times * (turns or 1) for net, times in once.items()}
    below = _directed(plan)
    for net, times in below.nets.items():
        nets[net] = nets.get(net, 0) + times
    return Cost(turns, nets, 0, memory(found, [], program, 0), note)


def _scores(program: Program) -> list[Law]:
    return [law for law in _laws(program) if isinstance(law, ScoreLaw)]


def _ancestral(plan: Plan) -> Cost:
    """Every variable after those that it reads."""
    steps = None if vector_fields(plan.program) else depth.of_draw(plan.program, plan.facts)
    return replace(_directed(plan), steps=steps, note=_way(plan, steps))


def _directed(plan: Plan) -> Cost:
    """What drawing the variables with laws to draw from evaluates, and the room for it."""
    program, nets = plan.program, dict[str, int]()
    drawn = {v.name: v for v in program.having("data", "latent", "state")}
    laws = {n: v.law for n, v in drawn.items() if v.law and not isinstance(v.law, ScoreLaw)}
    for name, law in laws.items():
        for net, count in evaluations(roots([law]), program, None).items():
            nets[net] = nets.get(net, 0) + count * depth.passes(drawn[name], program)
    nets |= conditioners(laws.values())
    return Cost(1, nets, 0, memory(roots(laws.values()), laws.values(), program, 0))


def _way(plan: Plan, steps: int | None) -> str:
    """What a person should know of how draws run, where it is neither one pass nor plain steps."""
    if vector_fields(plan.program):
        return "an ODE"
    if steps is None:
        return "" if plan.facts.runs else "a step an entry"
    iterated = [d.stage for d in directions(plan.program) if d.draw.endswith("an iteration")]
    if iterated:
        return f"one pass, {iterated[0]} by an iteration"
    faster = _other_way(plan)
    return f"{steps} sequential steps; {faster} would draw in one" if steps > 1 and faster else ""


def _other_way(plan: Plan) -> str | None:
    """The bijection that draws in one pass where a continuous variable goes entry by entry."""
    known = library().externs["bijection"].values()
    direct = [e.name for e in known if e.has("causal_conditioner") and not e.has("forward")]
    slow = [v for v in plan.program.having("data", "latent") if depth.entry_by_entry(v)]
    continuous = any(v.type.kind.space == "continuous" for v in slow)
    return next(iter(direct), None) if continuous else None

"""What answers cost: of draws, densities, gradients, read off the program's parts."""

from __future__ import annotations

from dataclasses import replace

from dgmlang.compiler.derive.directions import directions
from dgmlang.compiler.derive.divergence import vector_fields
from dgmlang.compiler.derive.facts import Facts, Removal
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

# ── the parts of a program ───────────────────────────────────────────────────────────────────────


def laws(program: Program) -> list[Law]:
    """The laws of what examples have."""
    known = program.having("data", "latent", "state")
    return [v.law for v in known if v.law is not None]


def guide_laws(program: Program) -> list[Law]:
    """The laws of the guide, of which there may be none."""
    return [] if program.guide is None else list(program.guide.laws.values())


def found_in(plan: Plan) -> list[Root]:
    """What the model's own laws and energies are made of."""
    return [*roots(laws(plan.program)), *(Root(e, 1) for e in plan.program.energies)]


def of_parts(
    plan: Plan,
    own: list[Law],
    found: list[Root],
    note: str = "",
    steps: int | None = 1,
    states: int = 0,
) -> Cost:
    """What evaluating some laws and expressions once costs, or once in each of so many states."""
    facts = plan.facts
    more = [root for root in roots(own) if root not in found]
    every = [*found, *more]
    nets = evaluations(every, plan.program, facts if states else None) | conditioners(own)
    room = memory(every, own, plan.program, _at_once(plan) if states else 1)
    return Cost(steps, nets, states, room, note)


def of_density(plan: Plan) -> Cost:
    """One evaluation of log p, sums and all."""
    facts, own = plan.facts, laws(plan.program)
    steps = depth.of_density(plan.program, facts)
    solved = "an ODE with its divergence" if vector_fields(plan.program) else ""
    found = of_parts(plan, own, found_in(plan), solved, None if solved else steps, _summed(facts))
    turned = any(r.states and (r.turns or r.elimination) for r in facts.removed)
    return replace(found, summed="table entries") if turned else found


def of_gradient(plan: Plan) -> Cost:
    """The gradient of log p with respect to the data."""
    cost = of_density(plan)
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


def of_guide(plan: Plan) -> Cost:
    """One draw of the guide."""
    own = guide_laws(plan.program)
    return of_parts(plan, own, roots(own))


def of_bound(plan: Plan) -> Cost:
    """One draw of the guide, and the densities there."""
    own = [*laws(plan.program), *guide_laws(plan.program)]
    steps = depth.of_bound(plan.program, plan.facts)
    return of_parts(plan, own, found_in(plan), f"{sequence(steps)} a sample of the guide", steps)


def of_energies(plan: Plan) -> Cost:
    """One evaluation of the energies, or of the score."""
    return of_parts(plan, [], found_in(plan))


# ── draws ────────────────────────────────────────────────────────────────────────────────────────


def of_sample(plan: Plan) -> tuple[str, Cost]:
    """Draws of all variables, and whether they are of the very law."""
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
    below = directed(plan)
    for net, times in below.nets.items():
        nets[net] = nets.get(net, 0) + times
    return Cost(turns, nets, 0, memory(found, [], program, 0), note)


def _scores(program: Program) -> list[Law]:
    return [law for law in laws(program) if isinstance(law, ScoreLaw)]


def _ancestral(plan: Plan) -> Cost:
    """Every variable after those that it reads."""
    steps = None if vector_fields(plan.program) else depth.of_draw(plan.program, plan.facts)
    return replace(directed(plan), steps=steps, note=_way(plan, steps))


def directed(plan: Plan) -> Cost:
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

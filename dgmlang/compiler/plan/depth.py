"""How many evaluations must follow one another: of a draw, of a density, of a sampler's chain."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.derive.incremental import drawn_in_one_pass
from dgmlang.compiler.derive.runs import runs_of
from dgmlang.compiler.library import Extern
from dgmlang.compiler.plan.costs import copied
from dgmlang.compiler.program import Law, Past, Program, Repeated, Stage, Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.types.declared import unit
from dgmlang.compiler.types.dims import Dim, size
from dgmlang.compiler.types.static import Static, static
from dgmlang.compiler.walk import arguments, behind, entries, pushing, walk


def of_draw(program: Program, facts: Facts) -> int | None:
    """The steps of the longest way through the laws, 1 where none is sequential."""
    own = {v.name: _drawn(v, facts) for v in program.having("data", "latent")}
    longest = [_longest(name, own, program, frozenset()) for name in own]
    return None if None in longest else max([1, *(s for s in longest if s is not None)])


def of_density(program: Program, facts: Facts) -> int | None:
    """The steps of the forward algorithm, of states, and of bijections against their way."""
    steps = [_states(program), *(_turned(r.turns.axis, r.variable, program) for r in facts.removed
                               if r.turns and r.turns.lag)]  # fmt: skip
    steps += [_against(v, "inverse") for v in program.having("data", "latent")]
    return None if None in steps else max(1, sum(s for s in steps if s is not None))


def of_sampler(sampler: Extern, facts: Facts) -> int | None:
    """The evaluations of a chain or a solver by its default settings; None where it decides."""
    formula = sampler.formula("turns")
    if formula is None:
        return None
    report = Report()
    plain = Static({}, report, words=True)
    held = {p.name: static(p.default, plain) for p in sampler.parameters if p.default}
    blocks = max(sum(block.turns for block in facts.blocks), 1)
    found = {"blocks": blocks, "noise_levels": facts.flags["noise_levels"]}
    return static(formula, Static({**held, **found}, report))


# ── draws ────────────────────────────────────────────────────────────────────────────────────────


def _longest(
    name: str, own: dict[str, int | None], program: Program, above: frozenset[str]
) -> int | None:
    """The steps of a variable and of the longest way to it; a cycle is one loop's run."""
    law = program.variables[name].law
    before = [n for n in behind(law, program) if n in own and n not in above and n != name]
    ways = [_longest(n, own, program, above | {name}) for n in before]
    mine = own[name]
    if mine is None or None in ways:
        return None
    return mine + max((w for w in ways if w is not None), default=0)


def _drawn(variable: Variable, facts: Facts) -> int | None:
    """The steps of one variable; those of a group in a loop count for the first of it."""
    run = next((run for run in facts.runs if variable.name in run.variables), None)
    if run is not None and set(run.ways) != {"plate"}:
        return run.steps if variable.name == run.variables[0] else 0
    within = [_behind_past(variable), _against(variable, "forward")]
    return None if None in within else sum(s for s in within if s is not None)


def _behind_past(variable: Variable) -> int | None:
    for law in entries(variable.law):
        for node in walk(*arguments(law)):
            if isinstance(node, Past):
                return size(node.type.array_shape).value
    return 0


def _against(variable: Variable, way: str) -> int | None:
    """The steps of bijections that go an entry a step in this direction."""
    chains = [chain for law in entries(variable.law) for chain in pushing(law)]
    steps = [_steps(stage, times) for chain in chains for stage, times in copied(chain)
             if stage.extern.argument(way) == ("sequential",)]  # fmt: skip
    return None if None in steps else sum(s for s in steps if s is not None)


def _steps(stage: Stage, times: int) -> int | None:
    axes = stage.source.array_shape
    rank = len(axes) if stage.extern.source is None else unit(stage.extern.source, len(axes))
    entries = size(axes[len(axes) - rank :]) * Dim.of(times)
    return entries.value


# ── densities ────────────────────────────────────────────────────────────────────────────────────


def of_bound(program: Program, facts: Facts) -> int | None:
    """The steps of a draw of the guide, and of the density there."""
    drawn = _scans(program.guide.laws if program.guide else {})
    density = of_density(program, facts)
    return None if drawn is None or density is None else max(drawn + density - 1, 1)


def _states(program: Program) -> int | None:
    """The scans of deterministic states; a chain of draws needs none, since all are given."""
    return _scans({v.name: v.law for v in program.having("state") if v.law is not None})


def _scans(laws: Mapping[str, Law]) -> int | None:
    steps = [run.steps for run in runs_of(laws) if set(run.ways) != {"plate"}]
    return None if None in steps else sum(s for s in steps if s is not None)


def _turned(axis: int, name: str, program: Program) -> int | None:
    law = program.variables[name].law
    return law.loops[axis].stop.value if isinstance(law, Repeated) else 0


# ── what a draw repeats ──────────────────────────────────────────────────────────────────────────


def passes(variable: Variable, program: Program) -> int:
    """How often the law of a variable is evaluated for one draw.

    Again for each of its entries, but where nets keep what earlier entries have left.
    """
    if drawn_in_one_pass(variable, program):
        return 1
    return max(_behind_past(variable) or 0, 1)


def entry_by_entry(variable: Variable) -> bool:
    """Whether a variable is drawn one entry at a time, each given those before it."""
    return _behind_past(variable) != 0 or _against(variable, "forward") != 0

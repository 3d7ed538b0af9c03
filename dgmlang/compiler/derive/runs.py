"""How the variables of loops run: as plates, chains or prefixes, and how deep in sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from dgmlang.compiler.derive.facts import Run, Witness
from dgmlang.compiler.program import Law, Program, Repeated
from dgmlang.compiler.types.dependence import Component, components
from dgmlang.compiler.walk import behind


def runs(program: Program) -> tuple[Run, ...]:
    """One fact for each group of variables in loops that are drawn together."""
    own = {n for v in program.having("data", "latent") for n in behind(v.law, program, states=True)}
    laws = {
        v.name: v.law
        for v in program.variables.values()
        if v.law is not None and (v.role != "state" or v.name in own)
    }
    return runs_of(laws)


def runs_of(laws: Mapping[str, Law]) -> tuple[Run, ...]:
    """The runs of some laws, as if what else they read were given."""
    looped = {name: law for name, law in laws.items() if isinstance(law, Repeated)}
    return tuple(
        _run(part, looped[part.variables[0]])
        for part in components(laws)
        if part.variables[0] in looped
    )


def _run(part: Component, law: Repeated) -> Run:
    deep = list(_sequential(part, law, 0))
    ways = [*(deep[0][1] if deep else ()), *("plate",) * len(law.loops)][: len(law.loops)]
    steps = [law.loops[level].stop.value for level in sorted({d[0] for d in deep})]
    known = [s for s in steps if s is not None]
    return Run(
        part.variables,
        tuple(ways),
        prod(known) if len(known) == len(steps) else None,
        _witness(part, law),
    )


def _sequential(
    part: Component, law: Repeated, level: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The number of each loop that a component must go through turn by turn, with all ways."""
    for at, way in enumerate(part.ways, level):
        if way != "plate":
            yield at, part.ways
    for inner in part.inner:
        for at, ways in _sequential(inner, law, level + len(part.ways)):
            yield at, (*part.ways, *ways)


def _witness(part: Component, law: Repeated) -> Witness:
    names = ", ".join(part.variables)
    if part.witness is None:
        return Witness("plate", f"no turn of {names} reads another", law.span)
    read = part.witness.place
    way = next(w for w in part.ways if w != "plate")
    return Witness(way, f"`{part.witness.reader}` reads `{read.span.text}`", read.span)

"""What a program names that has no implementation yet: `planned` externs, some sequences."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.derive.facts import Unbuilt
from dgmlang.compiler.derive.inner import inner, runs_alone, undrawn
from dgmlang.compiler.derive.remove import entrywise
from dgmlang.compiler.derive.sequences import sequences
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import (
    Apply,
    ComputedLaw,
    EnergyLaw,
    Law,
    Marginal,
    Named,
    Program,
    Repeated,
    ScoreLaw,
    choices,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import chains, entries, every_law, expressions, made_of, stages


def unbuilt(program: Program, gaussian: bool = False) -> tuple[Unbuilt, ...]:
    """The planned parts that a program names, in the order of its text, each name once.

    `gaussian`: the energies' law is a Gaussian, which is drawn as others are.
    """
    found = [Unbuilt(e.kind, e.name, at) for e, at in _named(program) if e.has("planned")]
    found += sequences(program)
    found += _missing(program)
    found += _beside(program, gaussian)
    found.sort(key=lambda part: part.span.start)
    return tuple({(part.kind, part.name): part for part in reversed(found)}.values())[::-1]


def _beside(program: Program, gaussian: bool) -> Iterator[Unbuilt]:
    """Laws by an energy or a score beside drawn variables, that are not the prior of these."""
    found, alone = undrawn(program, gaussian), inner(program, gaussian)
    prior = alone is not None and runs_alone(alone)
    if len(found) < len(program.having("data", "latent")) and not prior:
        for variable in found:
            yield Unbuilt("law beside drawn variables of", variable.name, variable.span)


def _missing(program: Program) -> Iterator[Unbuilt]:
    """Data that may be missing, and that neither a sum nor a guide of independent entries fills."""
    guided = {} if program.guide is None else program.guide.laws
    for data in (v for v in program.having("data") if v.type.may_miss):
        law = guided.get(data.name)
        if isinstance(data.law, EnergyLaw | ScoreLaw | ComputedLaw):
            yield Unbuilt("energy, score or value of the missing", data.name, data.span)
        elif data.type.entry_optional and law is not None and not _apart(law, data.type):
            yield Unbuilt("guide of single missing entries of", data.name, law.span)


def _apart(law: Law, of: Type) -> bool:
    """Whether a guide draws by themselves what may be missing by itself: entries, or turns."""
    turns = isinstance(law, Repeated) and of.together > 0
    return turns or all(entrywise(entry) for entry in entries(law))


def _named(program: Program) -> Iterator[tuple[Extern, Span]]:
    for law in every_law(program):
        yield from _of_law(law)
    for node in expressions(program):
        if isinstance(node, Apply):
            yield node.extern, node.span
    for chain in chains(program):
        for stage in stages(chain):
            yield stage.extern, stage.span
            yield from ((extern, stage.span) for extern in choices(stage))


def _of_law(law: Law) -> Iterator[tuple[Extern, Span]]:
    for part in made_of(law):
        match part:
            case Named(extern=extern):
                yield extern, part.span
            case ScoreLaw(process=process) if process is not None:
                yield process.extern, part.span
            case Marginal(program=program):
                yield from _named(program)

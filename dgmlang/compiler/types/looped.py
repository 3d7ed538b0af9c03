"""The law of a variable in loops: one law for each piece of the loops' ranges.

What a law brings along, as the latents of a model or the number that is cut into a bin, stands in
the loops of the law: each turn has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import nested as codes
from dgmlang.compiler.program import (
    Counter,
    Expr,
    Index,
    Law,
    Loop,
    Piece,
    Read,
    Repeated,
    Variable,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.expressions import counter
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.loops import entered, pieces
from dgmlang.compiler.types.scope import Places, Range, Scope


def law_in_loops(
    s: ast.Variable,
    whole: Type,
    around: tuple[Loop, ...],
    scope: Scope,
    entry_law: Callable[[Type, Scope], Law | None],
) -> Law | None:
    """The law of `s`, whose type `whole` has the loops' axes in front (DGM0942).

    `entry_law` elaborates the law of one entry, of a type, in the scope of one piece.
    """
    entry = replace(whole, shape=whole.shape[len(around) :], varying=False)
    found: list[Repeated] = []
    kept = Places()
    written = s.origin or s
    for inside in pieces(written, entered(scope, around)):
        kept.visits.clear()
        law = entry_law(entry, inside.within(kept=kept))
        if law is None:
            return None
        found.append(repeated(law, turns(inside), whole))
    if not found:
        return None
    result = _joined(found)
    whole_range = _ranges(result, around)
    brought = _brought(s.name, around, scope)
    if result is None or any(_ranges(law, around) != whole_range for law in brought):
        scope.report.say(codes.other_turns(s.span, s.name, around[0].index))
        return None
    return replace(result, span=s.span)


# ── what stands in the loops of a law ────────────────────────────────────────────────────────────


def turns(scope: Scope) -> tuple[Range, ...]:
    """The ranges of the loops around a law, outermost first."""
    return tuple((scope.around or scope.ranges).values())


def whole_type(entry: Type, ranges: Sequence[Range]) -> Type:
    """The type of all turns of what has a type at one."""
    if not ranges:
        return entry
    shape = (*(r.loop.stop for r in ranges), *entry.shape)
    return replace(entry, shape=shape, varying=ranges[0].loop.over is not None)


def counters(ranges: Iterable[Range], span: Span) -> tuple[Counter, ...]:
    """The loops' variables at this turn."""
    return tuple(counter(r, 0, span) for r in ranges)


def at_turn(read: Read, entry: Type, ranges: Sequence[Range]) -> Expr:
    """A variable at this turn of its loops; as it is where it stands in none."""
    if not ranges:
        return read
    return Index(read, counters(ranges, read.span), type=entry, span=read.span)


def repeated(law: Law, ranges: Sequence[Range], whole: Type) -> Repeated:
    """The law of one turn, which may be in loops of its own, as that of a piece of loops."""
    loops, own = ((), (Piece((), law),))
    if isinstance(law, Repeated):
        loops, own = law.loops, law.pieces
    here = tuple((r.start, r.stop) for r in ranges)
    every = tuple(Piece((*here, *piece.ranges), piece.law) for piece in own)
    return Repeated((*(r.loop for r in ranges), *loops), every, type=whole, span=law.span)


def put(table: dict[str, Law], name: str, law: Law, ranges: Sequence[Range], whole: Type) -> None:
    """A law that comes along, beside what an earlier piece of the same loops has put there."""
    if ranges:
        before = table.get(name)
        law = repeated(law, ranges, whole)
        if isinstance(before, Repeated):
            law = _joined([before, law]) or before
    table[name] = law


def bring(table: dict[str, Variable], found: Variable, ranges: Sequence[Range]) -> None:
    """The same for a variable that comes along, whose type is that of all turns."""
    laws = {name: v.law for name, v in table.items() if name == found.name and v.law is not None}
    if found.law is not None:
        put(laws, found.name, found.law, ranges, found.type)
    table[found.name] = replace(found, law=laws.get(found.name))


def _joined(found: Sequence[Repeated]) -> Repeated | None:
    """One law of several pieces; None where their inner loops are not the same."""
    first = found[0]
    if any(law.loops != first.loops for law in found):
        return None
    return replace(first, pieces=tuple(piece for law in found for piece in law.pieces))


def _brought(name: str, around: Sequence[Loop], scope: Scope) -> Iterator[Law]:
    """The laws that the law of a variable has brought into its loops."""
    for other, found in scope.shared.inlined.items():
        law = found.law
        inside = isinstance(law, Repeated) and law.loops[: len(around)] == tuple(around)
        if other.startswith(f"{name}.") and inside and law is not None:
            yield law


def _ranges(law: Law | None, around: Sequence[Loop]) -> set[object]:
    """The ranges of the loops around that have a law."""
    pieces = law.pieces if isinstance(law, Repeated) else ()
    return {piece.ranges[: len(around)] for piece in pieces}

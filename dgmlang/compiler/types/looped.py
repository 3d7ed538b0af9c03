"""The law of a variable in loops: one law for each piece of the loops' ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dgmlang.compiler.program import Law, Loop, Piece, Repeated
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.loops import entered, pieces
from dgmlang.compiler.types.scope import Places, Scope


def law_in_loops(
    s: ast.Variable,
    whole: Type,
    around: tuple[Loop, ...],
    scope: Scope,
    entry_law: Callable[[Type, Scope], Law | None],
) -> Law | None:
    """The law of `s`, whose type `whole` has the loops' axes in front.

    `entry_law` elaborates the law of one entry, of a type, in the scope of one piece.
    """
    entry = replace(whole, shape=whole.shape[len(around) :], varying=False)
    found: list[Piece] = []
    kept = Places()
    written = s.origin or s
    for inside in pieces(written, entered(scope, around)):
        kept.visits.clear()
        law = entry_law(entry, inside.within(kept=kept))
        if law is None:
            return None
        ranges = tuple((r.start, r.stop) for r in inside.ranges.values())
        found.append(Piece(ranges, law))
    if not found:
        return None
    return Repeated(around, tuple(found), type=whole, span=s.span)

"""May the draws of a finite latent be relaxed, values between its two standing for it?

Only where all that reads it takes numbers: an index, a comparison, an `if` or a class's table has
no meaning at 0.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dgmlang.compiler.program import (
    Apply,
    Call,
    Choose,
    ComputedLaw,
    Expr,
    Index,
    Law,
    Local,
    Named,
    Outside,
    Program,
    Through,
    Variable,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.walk import arguments, behind, conditions, laws, reads, walk

Holds = Callable[[Expr], bool]


def rigid(latent: Variable, program: Program) -> str | None:
    """Why no draw of a finite latent can be relaxed, a clause; None where one can."""
    law = program.guide.laws.get(latent.name) if program.guide else None
    if not (isinstance(law, Named) and law.extern.has("relaxed")):
        drawn = law.extern.name if isinstance(law, Named) else "its law in the guide"
        return f"`{drawn}` has no relaxed form, as `Bernoulli` has"
    place = next(_classes(laws(program), _with_it(latent.name, program), program), None)
    return None if place is None else f"line {place.line} reads it as a class, not as a number"


def _with_it(latent: str, program: Program) -> set[str]:
    """The latent and all that is computed of it."""
    computed = [
        v for v in program.variables.values()
        if v.role == "state" or isinstance(v.law, ComputedLaw)
    ]  # fmt: skip
    rests = {v.name for v in computed if latent in behind(v.law, program, states=True)}
    return {latent, *rests}


def _classes(found: Iterator[Law], names: set[str], program: Program) -> Iterator[Span]:
    """Where laws read one of the names as a class."""

    def holds(node: Expr) -> bool:
        return not names.isdisjoint(reads(node))

    for law in found:
        yield from (test.span for test in conditions(law) if holds(test))
        for argument in arguments(law):
            yield from _within(argument, holds, program)


def _within(root: Expr, holds: Holds, program: Program) -> Iterator[Span]:
    for node in walk(root):
        if any(map(holds, _taken_as_classes(node))):
            yield node.span
        elif isinstance(node, Call):
            names = {name for name, value in node.call.args.items() if holds(value)}
            body = program.nets[node.call.net].body
            yield from _within(body, lambda e, names=names: _local(e, names), program)


def _taken_as_classes(node: Expr) -> tuple[Expr, ...]:
    """What a node takes directly whose values it tells apart."""
    match node:
        case Index():
            return tuple(item for item in node.items if isinstance(item, Expr))
        case Choose():
            return (node.test,)
        case Outside():
            return node.args
        case Apply() if node.type.kind.space == "finite":
            return node.args
        case Through() if (taken := node.chain.stages[0].extern.source) and taken.kind == "cat":
            return (node.value,)
    return ()


def _local(node: Expr, names: set[str]) -> bool:
    return any(isinstance(below, Local) and below.name in names for below in walk(node))

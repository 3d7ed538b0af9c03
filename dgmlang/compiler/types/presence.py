"""`observed(x)` and `fill(x, v)`: how guides, and nets, see what an example lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.diagnostics.codes import types as type_codes
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Apply, Expr, Law, Literal, Local, Program, Read
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.dims import broadcast, show
from dgmlang.compiler.types.expressions import optional_value, value
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.indexing import index
from dgmlang.compiler.types.kinds import BIT, Kind, Type
from dgmlang.compiler.types.scope import Scope, Wrong, wrong
from dgmlang.compiler.walk import arguments, behind, children, walk

PRESENCE = "presence"
"""The property of functions that take what an example may lack."""


def presence(node: ast.Call, extern: Extern, scope: Scope) -> Expr:
    """The function on a variable or a net's parameter, or on entries of one (DGM0378)."""
    bound = bind_arguments(extern, node.arguments, node.span, scope.report)
    if bound is None:
        return wrong(node.span)
    first, *others = (bound[p.name].value for p in extern.groups[0])
    if isinstance(first, ast.Index):
        whole = _of_whole(node, first.value, extern, others, scope)
        return index(replace(first, span=node.span), whole, scope, value)
    return _of_whole(node, first, extern, others, scope)


def _of_whole(
    node: ast.Call, first: ast.Expr, extern: Extern, others: list[ast.Expr], scope: Scope
) -> Expr:
    found = optional_value(first, scope)
    if isinstance(found, Wrong):
        return found
    known = scope.shared.values.get(found.name) if isinstance(found, Read) else found
    declared = known.type if isinstance(known, Read | Local) else None
    if declared is None or not declared.may_miss:
        scope.report.say(codes.always_there(first.span, extern.name))
        return wrong(node.span)
    apart = 0 if declared.optional else len(declared.array_shape) - declared.together
    settings = {"apart": apart}
    if not others:
        shape = declared.array_shape[:apart]
        result = Type(BIT, shape, varying=declared.varying and bool(shape))
        return Apply(extern, (found,), settings, type=result, span=node.span)
    other = _filling(value(others[0], scope), declared, scope)
    result = replace(declared.present, varying=declared.varying)
    if isinstance(other, Wrong):
        return other
    return Apply(extern, (found, other), settings, type=result, span=node.span)


def _filling(other: Expr, wanted: Type, scope: Scope) -> Expr:
    """The value in the place of what is missing (DGM0304, DGM0306)."""
    if isinstance(other, Wrong):
        return other
    taken = other if _is_class(other, wanted.kind) else held(other, wanted.kind, "the filling")
    if taken is None:
        kinds = str(wanted.kind), str(other.type.kind)
        scope.report.say(type_codes.kind_mismatch(other.span, *kinds, "the filling"))
        return wrong(other.span)
    if broadcast(other.type.array_shape, wanted.array_shape) != wanted.array_shape:
        shapes = show(wanted.array_shape), show(other.type.array_shape)
        scope.report.say(type_codes.shape_mismatch(other.span, *shapes))
        return wrong(other.span)
    return taken


def _is_class(other: Expr, kind: Kind) -> bool:
    """Whether a number as written is one of a kind's classes."""
    if kind.name not in ("cat", "grey") or not isinstance(other, Literal):
        return False
    levels, found = None if kind.levels is None else kind.levels.value, other.value
    return isinstance(found, int) and 0 <= found < (found + 1 if levels is None else levels)


# ── the whole program ────────────────────────────────────────────────────────────────────────────


def check_presence(program: Program, report: Report) -> None:
    """DGM0379 where the model itself, and not its guide, sees what an example lacks."""
    laws = [v.law for v in program.variables.values() if v.role != "state"]
    roots = [e for law in (*laws, *program.noise.values()) for e in _expressions(law, program)]
    critic = () if program.critic is None else (program.critic.value,)
    for node in walk(*roots, *program.energies, *critic):
        if isinstance(node, Apply) and node.extern.has(PRESENCE) and _of_data(node, program):
            report.say(codes.presence_outside(node.span, node.extern.name))
            return


def unguarded(name: str, law: Law, program: Program) -> bool:
    """Whether a law reads a variable otherwise than through these functions."""
    seen = {
        id(node.args[0])
        for node in walk(*_expressions(law, program))
        if isinstance(node, Apply) and node.extern.has(PRESENCE)
    }
    every = (e for e in walk(*_expressions(law, program)) if isinstance(e, Read))
    return any(e.name == name and id(e) not in seen for e in every)


def _expressions(law: Law | None, program: Program) -> Iterator[Expr]:
    """What a law is made of, and the states that it rests on."""
    yield from () if law is None else arguments(law)
    for name in behind(law, program, states=True):
        state = program.variables[name]
        if state.role == "state" and state.law is not None:
            yield from arguments(state.law)


def _of_data(node: Expr, program: Program) -> bool:
    first = children(node)[0]
    return isinstance(first, Read) and program.variables[first.name].role == "data"

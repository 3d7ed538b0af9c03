"""Nets that a program declares, as arguments of stages: what they take, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.diagnostics.codes import fields as codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Call, Expr, Local, NetCall, NetUse
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.conditions import CONDITION
from dgmlang.compiler.types.kinds import UNIT, Type
from dgmlang.compiler.types.nets import signature_of
from dgmlang.compiler.types.scope import Scope


def field(
    net: ast.Net,
    node: ast.Expr,
    extern: Extern,
    source: Type,
    inputs: Mapping[str, Expr],
    scope: Scope,
) -> NetUse | None:
    """A vector field: a net of a point, a time and the condition, if any, that gives a direction.

    None, with a message (DGM0359), where the net is none.
    """
    if not extern.has("vector_field"):
        scope.report.say(name_codes.not_built(node.span, "declared nets as conditioners"))
        return None
    scope.shared.used.add(net.name)
    ports, heads = signature_of(net, scope)
    given = [inputs[CONDITION].type] if CONDITION in inputs else []
    wanted = (source, Type(UNIT), *given)
    taken = len(ports) == len(wanted) and all(map(_alike, ports.values(), wanted))
    if not taken or "" not in heads or not _alike(heads[""], source):
        shown = str(source), *map(str, given)
        scope.report.say(codes.not_a_field(node.span, net.span, net.name, *shown))
        return None
    places: dict[str, Expr] = {n: Local(n, type=t, span=node.span) for n, t in ports.items()}
    return NetUse(Call(NetCall(net.name, places), "", type=heads[""], span=node.span))


def _alike(one: Type, other: Type) -> bool:
    return one.array_shape == other.array_shape and one.kind == other.kind

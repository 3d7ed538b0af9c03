"""Nets that a program declares, as arguments of stages: what they take, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

from dgmlang.compiler.diagnostics.codes import fields as codes
from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Call, Chain, Expr, Local, NetCall, NetUse, chosen
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.causality import strict
from dgmlang.compiler.types.conditions import CONDITION
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import REAL, UNIT, Type, offers
from dgmlang.compiler.types.nets import signature_of
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.static import Static, static


def net_use(
    net: ast.Net,
    node: ast.Expr,
    extern: Extern,
    held: Mapping[str, Any],
    source: Type,
    inputs: Mapping[str, Expr],
    scope: Scope,
) -> NetUse | None:
    """A declared net as the argument of a stage with the settings `held`.

    None, with a message, where the net is not what the stage wants: DGM0359 for a vector field,
    DGM0389 for what conditions, DGM0358 for what conditions and lets an entry see later ones.
    """
    scope.shared.used.add(net.name)
    causal = bool(extern.argument("causal_conditioner"))
    if causal:
        source = replace(source, shape=source.shape[-1:])  # it acts on each row of an array
    judge = _is_field if extern.has("vector_field") else _of_sites if causal else _conditions
    ports, heads = signature_of(net, scope)
    given = [inputs[CONDITION].type] if CONDITION in inputs else []
    if not judge(net, node, (held, source, given), (ports, heads), scope):
        return None
    places: dict[str, Expr] = {n: Local(n, type=t, span=node.span) for n, t in ports.items()}
    use = NetUse(Call(NetCall(net.name, places), "", type=heads[""], span=node.span))
    if causal and not strict(use, source, scope.shared.nets):
        said = law_codes.conditioner_not_causal(node.span, extern.name, net.span)
        scope.report.say(said)
        return None
    return use


def shared_by_levels(body: Chain) -> NetUse | None:
    """A declared net in a block, if any is there: it is of one shape, wherever it stands."""
    for stage in body.stages:
        for value in stage.settings.values():
            if isinstance(value, NetUse):
                return value
        found = None if stage.body is None else shared_by_levels(stage.body)
        if found is not None:
            return found
    return None


Shown = tuple[Mapping[str, Any], Type, list[Type]]
"""The settings of the stage, what it is applied to, and its condition, if any."""

Signature = tuple[dict[str, Type], dict[str, Type]]


def _is_field(
    net: ast.Net, node: ast.Expr, shown: Shown, signature: Signature, scope: Scope
) -> bool:
    """A net of a point, a time and the condition, if any, that gives a direction."""
    (_, source, given), (ports, heads) = shown, signature
    taken = _takes(ports, (source, Type(UNIT), *given))
    if taken and "" in heads and _alike(heads[""], source):
        return True
    said = str(source), *map(str, given)
    scope.report.say(codes.not_a_field(node.span, net.span, net.name, *said))
    return False


def _of_sites(
    net: ast.Net, node: ast.Expr, shown: Shown, signature: Signature, scope: Scope
) -> bool:
    """A net of all entries, and of the condition, if any, that gives each entry its features."""
    (_, source, given), (ports, heads) = shown, signature
    answer = heads[""].array_shape if "" in heads else ()
    if _takes(ports, (source, *given)) and answer[:1] == source.array_shape:
        return True
    said = str(source), next(map(str, given), None), str(source.array_shape[0])
    scope.report.say(codes.not_a_conditioner(node.span, net.span, net.name, *said))
    return False


def _conditions(
    net: ast.Net, node: ast.Expr, shown: Shown, signature: Signature, scope: Scope
) -> bool:
    """A net of the entries that condition, and of the condition, if any, that gives features."""
    (held, source, given), (ports, heads) = shown, signature
    kept = _kept(chosen("mask", held["mask"]), source)
    # What the data bring is judged when it is known.
    wanted = (next(iter(ports.values()), source) if kept is None else kept, *given)
    if _takes(ports, wanted) and "" in heads:
        return True
    said = str(kept or "real[k]"), *map(str, given)
    scope.report.say(codes.not_a_conditioner(node.span, net.span, net.name, *said))
    return False


def _kept(mask: Extern, source: Type) -> Type | None:
    """What a mask shows of an array; None while the array's shape is open."""
    shape = [dim.value for dim in source.array_shape]
    formula = mask.formula("shown")
    if None in shape or formula is None:
        return None
    sizes = {"size": prod(n or 0 for n in shape), "c": shape[-1] if shape else 1}
    count = static(formula, Static(sizes, Report(), functions={"half": lambda n: n // 2}))
    sides = source.array_shape[:2] if mask.has("pictures") else ()
    return Type(REAL, (*sides, Dim.of(int(count))))


def _takes(ports: Mapping[str, Type], wanted: tuple[Type, ...]) -> bool:
    return len(ports) == len(wanted) and all(map(_serves, wanted, ports.values()))


def _serves(offered: Type, wanted: Type) -> bool:
    return offered.array_shape == wanted.array_shape and bool(offers(offered.kind, wanted.kind))


def _alike(one: Type, other: Type) -> bool:
    return one.array_shape == other.array_shape and one.kind == other.kind

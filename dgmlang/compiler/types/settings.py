"""Compile-time arguments of stages: numbers, words with settings of their own, nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmlang.compiler.diagnostics.codes import fields as field_codes
from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, Parameter, library
from dgmlang.compiler.program import Chain, Choice, Expr, NetUse, chosen
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.causality import mixing
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.lets import SPACES
from dgmlang.compiler.types.net_uses import net_use
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.static import static
from dgmlang.compiler.types.typed import above_zero, counted, typed


class Refused(Exception):
    """A setting that was found wrong, and reported."""


def settings_of(
    extern: Extern,
    bound: Mapping[str, ast.Argument],
    inputs: Mapping[str, Expr],
    source: Type,
    span: Span,
    scope: Scope,
) -> dict[str, Any] | None:
    """The settings of a stage applied to a value of type `source`; None where one is wrong.

    `inputs` are its run-time arguments, which its net may see too.
    """
    held: dict[str, Any] = {}
    try:
        for p in (p for p in extern.groups[0] if p.static and not _takes_net(p)):
            node = bound[p.name].value if p.name in bound else p.default
            held[p.name] = None if node is None else _setting(p, node, extern, scope)
        _ascending(held, extern, bound, scope)
        for p in (p for p in extern.groups[0] if _takes_net(p)):
            _steps_told(held, span, scope)
            types = source, _fed(held, source, extern, span, scope)
            held[p.name] = _net(p, bound[p.name].value, extern, held, types, inputs, scope)
    except Refused:
        return None
    return held


def _ascending(
    held: Mapping[str, Any], extern: Extern, bound: Mapping[str, ast.Argument], scope: Scope
) -> None:
    """DGM0372 where the upper one of two ends is not above the lower one."""
    low, high = extern.argument("ascending") or ("", "")
    first, last = (v.value if isinstance(v, Dim) else v for v in (held.get(low), held.get(high)))
    if first is None or last is None or first < last:
        return
    wanted, help = f"above `{low}`, {first:g}", "write the lower end first"
    at = bound[high].value.span
    scope.report.say(codes.out_of_range(at, high, extern.name, wanted, last, help))
    raise Refused


def _steps_told(held: Mapping[str, Any], span: Span, scope: Scope) -> None:
    """DGM0384 where nothing says how many steps a solver takes that cannot choose them itself."""
    if "solver" not in held or held["steps"] is not None:
        return
    if not chosen("solver", held["solver"]).has("adaptive"):
        scope.report.say(field_codes.steps_wanted(span, held["solver"]))
        raise Refused


def _takes_net(parameter: Parameter) -> bool:
    return parameter.type.kind in ("net", "stage")


def _fed(held: Mapping[str, Any], source: Type, extern: Extern, span: Span, scope: Scope) -> Type:
    """What a stage feeds into its net: a vector, or a picture where its mask says so."""
    mask = None if held.get("mask") is None else chosen("mask", held["mask"])
    if mask is None or not mask.has("pictures"):
        return Type(REAL, (Dim.symbol("n"),))
    wanted = "a picture [h, w, c]" if len(source.array_shape) != 3 else _divisible(mask, source)
    if wanted is not None:
        wanted = f"{wanted}, for the mask `{mask.name}`"
        scope.report.say(codes.stage_input(span, extern.name, wanted, str(source)))
        raise Refused
    return Type(REAL, (*source.array_shape[:2], Dim.symbol("c")))


def _divisible(mask: Extern, source: Type) -> str | None:
    """What a mask of channels wants of a picture that has only one."""
    if mask.argument("keeps") != ("channels",) or source.array_shape[-1] != Dim.of(1):
        return None
    return "a picture of two channels or more"


def _setting(parameter: Parameter, node: ast.Expr, extern: Extern, scope: Scope) -> Any:
    if parameter.name in SPACES:
        return _choice(parameter.name, node, scope)
    held = static(node, scope.static)
    if (held is None and node.span.text != "None") or (isinstance(held, tuple) and None in held):
        raise Refused
    if held == () and parameter.type.shape is not None:
        scope.report.say(codes.empty_list(node.span, "a list with at least one width"))
        raise Refused
    right = typed(parameter, held, node, extern.name, scope.report)
    seed = parameter.name in extern.argument("seed")
    if not right or not (seed or counted(parameter, held, node, extern.name, scope.report)):
        raise Refused
    positive = parameter.name in extern.argument("above_zero")
    if positive and not above_zero(parameter, held, node, extern.name, scope.report):
        raise Refused
    return held


def _choice(space: str, node: ast.Expr, scope: Scope) -> Any:
    externs = library().space(space)
    function = node.function if isinstance(node, ast.Call) else node
    held = static(function, scope.words)
    if not isinstance(held, str) or held not in externs:
        found = name_codes.unknown_builtin(function.span, space, str(held), externs)
        scope.report.say(found)
        raise Refused
    extern = externs[held]
    if isinstance(node, ast.Call) and node.block is not None:
        scope.report.say(codes.stray_block(node.block.span, held))
        raise Refused
    if not extern.parameters:
        return held
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_arguments(extern, arguments, node.span, scope.report) or {}
    values: dict[str, Any] = {}
    for p in extern.groups[0]:
        written = bound[p.name].value if p.name in bound else p.default
        values[p.name] = None if written is None else _setting(p, written, extern, scope)
    return Choice(extern, values)


# ── nets ─────────────────────────────────────────────────────────────────────────────────────────


def _net(
    parameter: Parameter,
    node: ast.Expr,
    extern: Extern,
    held: Mapping[str, Any],
    types: tuple[Type, Type],
    inputs: Mapping[str, Expr],
    scope: Scope,
) -> Chain | NetUse:
    """A net as an argument: a chain of stages, or a net that the program declares, by name.

    `held`: the stage's other settings. `types`: what it takes, and what it feeds into the net.
    """
    from dgmlang.compiler.types.stages import chain, unroll

    declaration = scope.shared.declarations.get(node.id) if isinstance(node, ast.Name) else None
    if isinstance(declaration, ast.Net):
        found = net_use(declaration, node, extern, held, types[0], inputs, scope)
        if found is None:
            raise Refused
        return found
    first, rest = unroll(node)
    found = chain((first, *rest), types[1], scope)
    if found is None:
        raise Refused
    if parameter.name in extern.argument("causal_conditioner"):
        mixed = mixing(found)
        if mixed is not None:
            scope.report.say(law_codes.conditioner_not_causal(mixed, extern.name))
            raise Refused
    return found

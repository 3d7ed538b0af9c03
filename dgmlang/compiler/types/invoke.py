"""Calls: of nets, of functions of the library, of `let` functions, of `past` and `log_prob`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Edit
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import Expr, LogProb, NetCall, Past, Read
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import foreign, lets
from dgmlang.compiler.types.calls import bind_arguments, group_of, place, signature
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import head, operand, optional_value, value
from dgmlang.compiler.types.functions import apply
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.literals import told
from dgmlang.compiler.types.nets import signature_of
from dgmlang.compiler.types.presence import PRESENCE, presence
from dgmlang.compiler.types.scope import Record, Scope, Wrong, wrong
from dgmlang.compiler.types.static import static
from dgmlang.compiler.types.typed import typed


def call(node: ast.Call, scope: Scope) -> Expr | Record:
    """`function(arguments)` where a value is wanted."""
    if not isinstance(node.function, ast.Name):
        span, meant = node.function.span, foreign.expression(node)
        scope.report.say(call_codes.not_a_function(span, span.text, node.span, meant))
        return wrong(node.span)
    name = node.function.id
    if node.block is not None:
        scope.report.say(codes.stray_block(node.block.span, name))
        return wrong(node.span)
    declaration = scope.shared.declarations.get(name)
    if isinstance(declaration, ast.Net):
        return _net(node, declaration, scope)
    if isinstance(declaration, ast.Let) and declaration.parameters is not None:
        return lets.inlined(node, declaration, scope)
    if name in _SPECIAL:
        return _SPECIAL[name](node, scope)
    externs = library().space("fn")
    if name in externs:
        return _function(node, externs[name], scope)
    return _unknown(node, name, scope)


def _unknown(node: ast.Call, name: str, scope: Scope) -> Expr:
    span = node.function.span
    if name in library().space("dist"):
        help = f"write `log_prob({node.span.text}, x)` for its density"
        found = codes.kind_mismatch(span, "a value", f"the law `{name}`", "this place", help)
    elif name in library().space("layer", "bijection", "chain"):
        help = f"write `{_piped(node, name)}`"
        found = codes.kind_mismatch(span, "a function", f"the stage `{name}`", "this place", help)
    elif name in scope.known():
        found = _no_function(node, name, scope)
    elif meant := foreign.expression(node):
        found = name_codes.spelt_otherwise(span, "function", name, node.span, meant)
    else:
        nets = [
            n
            for n, d in scope.shared.declarations.items()
            if isinstance(d, ast.Net) or (isinstance(d, ast.Let) and d.parameters is not None)
        ]
        known = [*library().space("fn"), *_SPECIAL, *nets]
        found = name_codes.unknown_builtin(span, "function", name, known)
    scope.report.say(found)
    return wrong(node.span)


def _piped(node: ast.Call, name: str) -> str:
    """`mlp(x, [64])` as `x |> mlp([64])`; of another call, with what goes in left open."""
    first = node.arguments[0].value if node.arguments else None
    if not isinstance(first, ast.Name | ast.Index | ast.Attribute):
        return f"… |> {node.span.text}"
    rest = ", ".join(a.span.text for a in node.arguments[1:])
    return f"{first.span.text} |> {f'{name}({rest})' if rest else name}"


def _no_function(node: ast.Call, name: str, scope: Scope) -> Diagnostic:
    """A value that is called, or a chain of stages, PyTorch's layers among them."""
    declared = scope.shared.declarations.get(name)
    span = node.function.span
    if isinstance(declared, ast.Let) and len(node.arguments) == 1:
        piped = f"{node.arguments[0].value.span.text} |> {name}"
        if lets.is_chain(declared, scope):
            return call_codes.stage_called(span, name, node.span, piped)
        if stages := foreign.stages(declared.value):
            edit = Edit(declared.value.span, stages)
            return call_codes.stage_called(span, name, node.span, piped, edit)
    return call_codes.not_a_function(span, name)


# ── nets and `let` functions ─────────────────────────────────────────────────────────────────────


def _net(node: ast.Call, net: ast.Net, scope: Scope) -> Expr | Record:
    scope.shared.used.add(net.name)
    ports, heads = signature_of(net, scope)
    args = _positional(node, net.name, list(ports), scope)
    if args is None:
        return wrong(node.span)
    bound: dict[str, Expr] = {}
    for name, argument in args.items():
        read = optional_value if ports[name].may_miss else value
        offered = read(argument.value, scope)
        taken = accepted(offered, ports[name], f"`{name}` of `{net.name}`", scope)
        if taken is None:
            return wrong(node.span)
        bound[name] = taken
    invoked = NetCall(net.name, bound)
    record = Record(invoked, heads, node.span, outside=net.body is None)
    return head(record, "", node.span) if "" in heads else record


def _positional(
    node: ast.Call, name: str, names: list[str], scope: Scope
) -> dict[str, ast.Argument] | None:
    bound = place(name, names, names, node.arguments, scope.report)
    if bound is None:
        return None
    for missing in (n for n in names if n not in bound):
        found = call_codes.missing_argument(node.span, name, missing, f"{name}({', '.join(names)})")
        scope.report.say(found)
        return None
    return bound


def accepted(arg: Expr, wanted: Type, where: str, scope: Scope) -> Expr | None:
    """A value as an argument of a declared type, or None where it does not fit."""
    if isinstance(arg, Wrong):
        return None
    if arg.type.array_shape != wanted.array_shape:
        found = show(arg.type.array_shape)
        scope.report.say(codes.shape_mismatch(arg.span, show(wanted.array_shape), found))
        return None
    taken = held(arg, wanted.kind, where)
    if taken is None:
        shown, help = told(arg, wanted.kind)
        help = "pass `one_hot(…)`" if arg.type.kind.name == "cat" else help
        found = codes.kind_mismatch(arg.span, str(wanted.kind), shown, where, help)
        scope.report.say(found)
    return taken


# ── functions of the library ─────────────────────────────────────────────────────────────────────


def _function(node: ast.Call, extern: Extern, scope: Scope) -> Expr:
    if extern.has("in_process") and scope.process is None:
        scope.report.say(law_codes.outside_process(node.span, extern.name))
        return wrong(node.span)
    if extern.has("concatenation"):
        return _variadic(node, extern, scope)
    if extern.has(PRESENCE):
        return presence(node, extern, scope)
    bound = bind_arguments(extern, node.arguments, node.span, scope.report)
    if bound is None:
        return wrong(node.span)
    parameters = extern.groups[0]
    args = [operand(bound[p.name].value, scope) for p in parameters if not p.static]
    found = settings(extern, bound, scope)
    return wrong(node.span) if found is None else apply(extern, args, found, node.span, scope)


def _variadic(node: ast.Call, extern: Extern, scope: Scope) -> Expr:
    if meant := foreign.expression(node):
        scope.report.say(call_codes.list_of_arrays(node.span, extern.name, meant))
        return wrong(node.span)
    parts = [value(a.value, scope) for a in node.arguments if a.name is None]
    known = [p.name for p in extern.groups[0] if p.static]
    named = place(extern.name, (), known, [a for a in node.arguments if a.name], scope.report)
    if not parts:
        wanted = next(p.name for p in extern.groups[0] if not p.static)
        found = call_codes.missing_argument(node.span, extern.name, wanted, signature(extern))
        scope.report.say(found)
    if not parts or named is None:
        return wrong(node.span)
    found = settings(extern, named, scope)
    return wrong(node.span) if found is None else apply(extern, parts, found, node.span, scope)


def settings(extern: Extern, bound: dict[str, ast.Argument], scope: Scope) -> dict[str, Any] | None:
    """The compile-time arguments of a call, defaults filled in; None where one is wrong."""
    found: dict[str, Any] = {}
    right = True
    for parameter in (p for p in group_of(extern, bound) if p.static):
        node = bound[parameter.name].value if parameter.name in bound else parameter.default
        if node is None:
            found[parameter.name] = None
            continue
        words = parameter.type.kind in ("name", "bool")
        inner = scope.words if words else replace(scope.static, runtime=())
        held = found[parameter.name] = static(node, inner)
        said = held is None and node.span.text != "None"
        right = right and not said and typed(parameter, held, node, extern.name, scope.report)
    return found if right else None


# ── past and log_prob ────────────────────────────────────────────────────────────────────────────


def _past(node: ast.Call, scope: Scope) -> Expr:
    first = node.arguments[0].value if node.arguments else node.function
    variable = first.id if isinstance(first, ast.Name) else node.span.text
    known = scope.shared.values.get(variable)
    if scope.ranges:
        scope.report.say(loop_codes.past_in_loop(node.span, variable, list(scope.ranges)[-1]))
        return wrong(node.span)
    if variable != scope.law_of or not isinstance(known, Read):
        scope.report.say(law_codes.past_elsewhere(node.span, variable))
        return wrong(node.span)
    bound = place("past", ("x",), ("x", "order"), node.arguments, scope.report)
    if bound is None:
        return wrong(node.span)
    order = _order(bound["order"].value if "order" in bound else None, scope)
    return Past(variable, order, type=known.type, span=node.span)


def _order(node: ast.Expr | None, scope: Scope) -> tuple[Any, ...]:
    if node is None:
        return ("raster",)
    externs = library().space("order")
    function = node.function if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else function.span.text
    if name not in externs:
        scope.report.say(name_codes.unknown_builtin(node.span, "order", name, externs))
        return ("raster",)
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_arguments(externs[name], arguments, node.span, scope.report)
    found = settings(externs[name], bound or {}, scope) or {}
    return (name, *found.values())


def _log_prob(node: ast.Call, scope: Scope) -> Expr:
    from dgmlang.compiler.types.laws import law

    bound = _positional(node, "log_prob", ["D", "x"], scope)
    if bound is None:
        return wrong(node.span)
    at = value(bound["x"].value, scope)
    if isinstance(at, Wrong):
        return at
    found = law(bound["D"].value, at.type, at.span, scope.within(enclosed=True))
    return (
        wrong(node.span) if found is None else LogProb(found, at, type=Type(REAL), span=node.span)
    )


_SPECIAL = {"past": _past, "log_prob": _log_prob}

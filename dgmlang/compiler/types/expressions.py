"""From written expressions to typed ones."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import library
from dgmlang.compiler.program import (
    Call,
    Choose,
    Counter,
    Expr,
    Literal,
    Open,
    Read,
    Stack,
    Through,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import foreign, lets, states
from dgmlang.compiler.types.dims import Dim, broadcast, show
from dgmlang.compiler.types.functions import apply
from dgmlang.compiler.types.greys import alike, for_stages
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.indexing import index, ragged
from dgmlang.compiler.types.kinds import ANY, REAL, Kind, Type, hull
from dgmlang.compiler.types.loops import decided
from dgmlang.compiler.types.scope import Range, Record, Scope, Wrong, wrong

OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "**": "power",
    "@": "matmul",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "and": "logical_and",
    "or": "logical_or",
}


def value(node: ast.Expr, scope: Scope) -> Expr:
    """A typed array that every example has, not ragged (DGM0314, DGM0366, DGM0380)."""
    return _there(node, optional_value(node, scope), scope)


def optional_value(node: ast.Expr, scope: Scope) -> Expr:
    """A typed array that may be absent in some examples: for an argument of an optional type."""
    found = _array(node, scope)
    if ragged(found.type):
        scope.report.say(loop_codes.ragged(node.span, scope.law_of or "x"))
        return wrong(node.span)
    return found


def operand(node: ast.Expr, scope: Scope) -> Expr:
    """A typed array, a ragged slice too: for the operators and functions that take one."""
    return _there(node, _array(node, scope), scope)


def _there(node: ast.Expr, found: Expr, scope: Scope) -> Expr:
    if found.type.may_miss:
        scope.report.say(codes.may_be_absent(node.span, f"`{node.span.text}`", str(found.type)))
        return wrong(node.span)
    return found


def _array(node: ast.Expr, scope: Scope) -> Expr:
    found = expression(node, scope)
    if isinstance(found, Record):
        scope.report.say(codes.record_as_value(node.span, found.heads))
        return wrong(node.span)
    return found


def expression(node: ast.Expr, scope: Scope) -> Expr | Record:
    """A typed array, or the record of a net's heads."""
    if scope.ranges and (held := decided(node, scope)) is not None:
        return literal(held, node.span)
    match node:
        case ast.Number(number):
            return literal(number, node.span)
        case ast.Name(name):
            return _name(node, name, scope)
        case ast.Attribute():
            return _attribute(node, scope)
        case ast.Call():
            return _call(node, scope)
        case ast.Index():
            return index(node, _base(node.value, scope), scope, value)
        case ast.Unary("-", ast.Number(number)):
            return literal(-number, node.span)
        case ast.Unary(op, inner):
            return _unary(node, op, value(inner, scope), scope)
        case ast.Binary(op, left, right):
            extern = library().externs["fn"][OPERATORS[op]]
            args = tuple(operand(e, scope) for e in (left, right))
            return apply(extern, args, {}, node.span, scope)
        case ast.Conditional():
            return _conditional(node, scope)
        case ast.Sequence(items):
            return _stack(node, items, scope)
        case ast.Pipe():
            return _pipe(node, scope)
    raise AssertionError(f"no rule for {type(node).__name__}")


def literal(number: float | int, span: Span) -> Literal:
    """A number; its kind is the number itself."""
    kind = Kind("interval", (float(number), float(number)))
    return Literal(number, type=Type(kind), span=span)


def _name(node: ast.Name, name: str, scope: Scope) -> Expr | Record:
    shared = scope.shared
    if name in scope.locals:
        return scope.locals[name]
    if name in scope.ranges:
        return counter(scope.ranges[name], 0, node.span)
    if name in scope.arguments:
        return _hyper(name, scope.arguments[name], node.span, scope)
    if name in shared.hypers:
        shared.used.add(name)
        if name in shared.declarations:
            found, help = f"the chain `{name}`", f"apply it, as in `x |> {name}`"
            scope.report.say(codes.kind_mismatch(node.span, "a value", found, "this place", help))
            return wrong(node.span)
        return _hyper(name, shared.hypers[name], node.span, scope)
    declaration = shared.declarations.get(name)
    if isinstance(declaration, ast.Variable):
        found = _variable(node, declaration, scope)
        is_known = found.type.kind != ANY  # its declaration is reported already
        return found if is_known and _whole(found, scope) else wrong(node.span)
    if isinstance(declaration, ast.Let):
        if declaration.indices:
            state = states.read(name, declaration, node.span, scope)
            return state if _whole(state, scope) else wrong(node.span)
        return lets.value_of(node, declaration, scope)
    if isinstance(declaration, ast.Net):
        scope.report.say(
            codes.kind_mismatch(
                node.span, "a value", f"the net `{name}`", "this place", f"call it, as `{name}(…)`"
            )
        )
        return wrong(node.span)
    if name in shared.indices:
        scope.report.say(loop_codes.unbound(node.span, name))
    elif digits := foreign.CONSTANTS.get(name):
        scope.report.say(name_codes.spelt_otherwise(node.span, "constant", name, node.span, digits))
    else:
        scope.report.say(name_codes.unknown_name(node.span, name, scope.known()))
    return wrong(node.span)


def counter(over: Range, offset: int, span: Span) -> Counter:
    """A loop's variable plus a constant; its kind is the interval of its values here."""
    low, high = (float(d.value) if d.value is not None else inf for d in (over.start, over.stop))
    low = 0.0 if low == inf else low
    kind = Kind("interval", (low + offset, high - 1 + offset))
    return Counter(over.loop, offset, type=Type(kind), span=span)


def _base(node: ast.Expr, scope: Scope) -> Expr:
    """What an index stands behind: inside its loop a variable is only read by its indices."""
    declaration = scope.shared.declarations.get(node.id) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Name) and node.id not in scope.locals:
        if isinstance(declaration, ast.Variable):
            return _variable(node, declaration, scope)
        if isinstance(declaration, ast.Let) and declaration.indices:
            return states.read(node.id, declaration, node.span, scope)
    return operand(node, scope)


def _whole(found: Expr, scope: Scope) -> bool:
    """Whether a variable may be read as a whole here: not inside its own loop (DGM0365)."""
    loops = scope.looped.get(found.name, ()) if isinstance(found, Read) else ()
    around = {id(r.loop) for r in scope.ranges.values()}
    if not any(id(loop) in around for loop in loops):
        return True
    names = ", ".join(loop.index for loop in loops)
    text = found.span.text
    scope.report.say(loop_codes.not_past(found.span, text, (f"{text}[{names}]",)))
    return False


def _hyper(name: str, held: Any, span: Span, scope: Scope) -> Expr:
    if isinstance(held, Dim):
        number = held.value
        return Open(name, type=Type(REAL), span=span) if number is None else literal(number, span)
    if isinstance(held, bool | int | float):
        return literal(held, span)
    if held == ():
        scope.report.say(codes.empty_list(span, "a list with at least one number"))
        return wrong(span)
    if isinstance(held, tuple) and all(isinstance(v, int | float) for v in held):
        return Literal(held, type=Type(REAL, (Dim.of(len(held)),)), span=span)
    if held is not None or not scope.report.failed:  # None: its own declaration was refused
        found = f"the word `{held}`"
        scope.report.say(codes.kind_mismatch(span, "a number", found, f"`{name}` as a value"))
    return wrong(span)


def _variable(node: ast.Expr, declaration: ast.Variable, scope: Scope) -> Expr:
    name = declaration.name
    scope.shared.used.add(name)
    if declaration.of_examples and not scope.variables:
        scope.report.say(name_codes.unknown_name(node.span, name, scope.locals))
        return wrong(node.span)
    known = scope.shared.values.get(name)
    if isinstance(known, Read):
        # Missing data are latents of their example; a given is never inferred.
        type_ = known.type if declaration.role == "given" else known.type.present
        return Read(name, type=type_, span=node.span)
    return wrong(node.span)


def _attribute(node: ast.Attribute, scope: Scope) -> Expr:
    if (digits := foreign.constant(node)) and node.value.span.text not in scope.known():
        scope.report.say(
            name_codes.spelt_otherwise(node.span, "constant", node.span.text, node.span, digits)
        )
        return wrong(node.span)
    record = expression(node.value, scope)
    if isinstance(record, Wrong):
        return record
    if not isinstance(record, Record) or node.name not in record.heads:
        if isinstance(record, Record):
            found = codes.not_a_record(node.span, node.name, record.heads)
        else:
            found = codes.no_heads(node.span, node.name, show(record.type.array_shape))
        scope.report.say(found)
        return wrong(node.span)
    return head(record, node.name, node.span)


def head(record: Record, name: str, span: Span) -> Expr:
    """One head of a record; what Python yields is held against its kind when it runs."""
    type_ = record.heads[name]
    if not record.outside or type_.kind.interval is None:
        return Call(record.call, name, type=type_, span=span)
    free = Call(record.call, name, type=replace(type_, kind=REAL), span=span)
    where = f"`{name}` of `{record.call.net}`" if name else f"`{record.call.net}`"
    return held(free, type_.kind, where) or free


def _call(node: ast.Call, scope: Scope) -> Expr | Record:
    from dgmlang.compiler.types import invoke

    return invoke.call(node, scope)


def _unary(node: ast.Unary, op: str, operand: Expr, scope: Scope) -> Expr:
    if op == "+":
        return operand
    name = "negative" if op == "-" else "logical_not"
    return apply(library().externs["fn"][name], (operand,), {}, node.span, scope)


def _conditional(node: ast.Conditional, scope: Scope) -> Expr:
    test = value(node.test, scope)
    if isinstance(test, Literal):
        return value(node.then if test.value else node.otherwise, scope)
    then, otherwise = value(node.then, scope), value(node.otherwise, scope)
    if any(isinstance(e, Wrong) for e in (test, then, otherwise)):
        return wrong(node.span)
    shape = broadcast(then.type.shape, otherwise.type.shape)
    if shape is None:
        left, right = show(then.type.shape), show(otherwise.type.shape)
        scope.report.say(codes.no_broadcast(node.span, left, right, "if … else"))
        return wrong(node.span)
    then, otherwise = alike((then, otherwise))
    kind = hull((then.type.kind, otherwise.type.kind))
    return Choose(test, then, otherwise, type=Type(kind, shape), span=node.span)


def _stack(node: ast.Sequence, items: tuple[ast.Expr, ...], scope: Scope) -> Expr:
    parts = tuple(value(item, scope) for item in items)
    if not parts:
        scope.report.say(codes.empty_list(node.span, "a list with at least one value"))
    if not parts or any(isinstance(p, Wrong) for p in parts):
        return wrong(node.span)
    shape = parts[0].type.array_shape
    for part in parts[1:]:
        if part.type.array_shape != shape:
            found = show(part.type.array_shape)
            scope.report.say(codes.shape_mismatch(part.span, show(shape), found, parts[0].span))
            return wrong(node.span)
    parts = alike(parts)
    kind = hull(p.type.kind for p in parts)
    return Stack(parts, type=Type(kind, (Dim.of(len(parts)), *shape)), span=node.span)


def _pipe(node: ast.Pipe, scope: Scope) -> Expr:
    from dgmlang.compiler.types.stages import chain, unroll

    first, stages = unroll(node)
    source = optional_value(first, scope)
    if isinstance(source, Wrong):
        return source
    found = chain(stages, source.type, scope)
    if found is None:
        return wrong(node.span)
    source = for_stages(source, found.stages)
    return Through(source, found, type=found.target, span=node.span)

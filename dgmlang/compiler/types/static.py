"""Compile-time values: hyperparameters, settings of stages, dimensions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim


@dataclass(frozen=True)
class Static:
    """What a compile-time expression may read. With `words`, an unknown name stands for itself.

    `runtime` are the names of variables, which it may not.
    """

    values: Mapping[str, Any]
    report: Report
    words: bool = False
    runtime: Collection[str] = ()
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "None": None}


def static(node: ast.Expr, scope: Static) -> Any:
    """The value of a compile-time expression; None (with a diagnostic) where it has none."""
    match node:
        case ast.Number(value):
            return value
        case ast.Name(name):
            return _name(node, name, scope)
        case ast.Sequence(items):
            return tuple(static(item, scope) for item in items)
        case ast.Unary("-", operand):
            value = static(operand, scope)
            return None if value is None else -value
        case ast.Unary("not", operand):
            return not static(operand, scope)
        case ast.Binary(op, left, right):
            return _binary(node, op, static(left, scope), static(right, scope), scope)
        case ast.Conditional(then, test, otherwise):
            return static(then if static(test, scope) else otherwise, scope)
        case ast.Index(value, (item,)) if not isinstance(item, ast.Slice):
            sequence, position = static(value, scope), static(item, scope)
            if isinstance(sequence, tuple) and isinstance(position, int):
                return sequence[position] if -len(sequence) <= position < len(sequence) else None
            return None
        case ast.Call(ast.Name(name), arguments) if name in scope.functions:
            return scope.functions[name](*(static(a.value, scope) for a in arguments))
    scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
    return None


def dimension(node: ast.Expr, scope: Static) -> Dim:
    """A dimension: a polynomial in the hyperparameters."""
    value = static(node, scope)
    if isinstance(value, Dim):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Dim.of(value)
    if isinstance(value, int):
        scope.report.say(codes.not_a_size(node.span, node.span.text, value))
    elif value is not None:
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}` = {value}"))
    return Dim.of(1)


def _name(node: ast.Name, name: str, scope: Static) -> Any:
    if name in scope.values:
        return scope.values[name]
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if scope.words:
        return name
    if name in scope.runtime:
        scope.report.say(codes.runtime_name(node.span, name))
        return None
    scope.report.say(name_codes.unknown_name(node.span, name, scope.values))
    return None


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


def _binary(node: ast.Binary, op: str, left: Any, right: Any, scope: Static) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, Dim) or isinstance(right, Dim):
        left, right = _lift(left), _lift(right)
    try:
        return _ARITHMETIC[op](left, right)
    except (TypeError, ZeroDivisionError, OverflowError, KeyError):
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
        return None


def _lift(value: Any) -> Any:
    return Dim.of(value) if isinstance(value, int) and not isinstance(value, bool) else value

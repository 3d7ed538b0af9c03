"""Compile-time values: hyperparameters, settings of stages, dimensions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from math import inf
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim


@frozen()
class Static:
    """What a compile-time expression may read. With `words`, an unknown name stands for itself.

    `runtime` are the names of variables, which it may not. `is_size`: a dimension is wanted.
    """

    values: Mapping[str, Any]
    report: Report
    words: bool = False
    runtime: Collection[str] = ()
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    is_size: bool = False


CONSTANTS: dict[str, Any] = {"true": True, "false": False, "None": None, "inf": inf}


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
            return _unary(node, static(operand, scope), lambda v: -v, scope)
        case ast.Unary("not", operand):
            held = _decided(operand, static(operand, scope), scope)
            return None if held is None else not held
        case ast.Binary(op, left, right):
            return _binary(node, op, static(left, scope), static(right, scope), scope)
        case ast.Conditional(then, test, otherwise):
            held = _decided(test, static(test, scope), scope)
            return None if held is None else static(then if held else otherwise, scope)
        case ast.Index(value, (item,)) if not isinstance(item, ast.Slice):
            return _entry(node, static(value, scope), static(item, scope), scope)
        case ast.Call(ast.Name(name), arguments) if name in scope.functions:
            held = _called(scope.functions[name], [static(a.value, scope) for a in arguments])
            if held is not None:
                return held
    scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
    return None


def _called(function: Callable[..., Any], values: Sequence[Any]) -> Any:
    """The value of a function; None where it takes other arguments than these."""
    try:
        return function(*values)
    except TypeError:
        return None


LONGEST = 2**16
"""How many numbers a list may have at compile time; noise levels are hundreds."""


def geometric(first: Any, last: Any, n: Any) -> tuple[float, ...] | None:
    """As `dgmlang.functions` has it: n numbers, each the same multiple of the one before."""
    count = n.value if isinstance(n, Dim) else n
    if not isinstance(count, int) or not 2 <= count <= LONGEST or min(first or 0, last or 0) <= 0:
        return None
    return tuple(first * (last / first) ** (i / (count - 1)) for i in range(count))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {"geometric": geometric}
"""Functions of the library that have a value at compile time too."""


def dimension(node: ast.Expr, scope: Static) -> Dim:
    """A dimension: a polynomial in the hyperparameters."""
    value = static(node, scope if isinstance(node, ast.Number) else replace(scope, is_size=True))
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
    if name in CONSTANTS:
        return CONSTANTS[name]
    if scope.words:
        return name
    if name in scope.runtime:
        scope.report.say(codes.runtime_name(node.span, name, scope.is_size))
        return None
    scope.report.say(name_codes.unknown_name(node.span, name, scope.values, is_static=True))
    return None


def _unary(node: ast.Expr, value: Any, rule: Callable[[Any], Any], scope: Static) -> Any:
    if isinstance(value, int | float | Dim):
        return rule(value)
    if value is not None:
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
    return None


def _entry(node: ast.Expr, sequence: Any, position: Any, scope: Static) -> Any:
    """One entry of a list (DGM0303, DGM0355, DGM0356)."""
    position = _decided(node, position, scope)
    if sequence is None or position is None:
        return None
    if not isinstance(sequence, tuple) or not isinstance(position, int):
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
        return None
    if not -len(sequence) <= position < len(sequence):
        scope.report.say(codes.past_the_end(node.span, position, len(sequence)))
        return None
    return sequence[position]


def _decided(node: ast.Expr, value: Any, scope: Static) -> Any:
    """A value as a plain number or truth; None, with DGM0355, for an open dimension."""
    if not isinstance(value, Dim):
        return value
    if value.value is None:
        scope.report.say(codes.undecided(node.span, min(value.symbols)))
    return value.value


_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: _power(a, b),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


MAX_BITS = 1023  # what a float holds


def _power(base: Any, exponent: Any) -> Any:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and base.bit_length() * exponent > MAX_BITS:
        raise OverflowError  # before it takes for ever
    return base**exponent


def _binary(node: ast.Binary, op: str, left: Any, right: Any, scope: Static) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, Dim) or isinstance(right, Dim):
        left, right = _lifted(node, op, left, right, scope)
        if left is None or right is None:
            return None
    try:
        value = _ARITHMETIC[op](left, right)
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise OverflowError
        return value
    except (TypeError, ZeroDivisionError, OverflowError, KeyError):
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
        return None


def _lifted(node: ast.Expr, op: str, left: Any, right: Any, scope: Static) -> tuple[Any, Any]:
    """Operands of which one is a Dim, as two Dims, or as the numbers that decide a comparison.

    Two dimensions compare where their difference is a number: d + 1 > d, and d == 2 is open.
    """
    if op in ("and", "or"):
        return _decided(node, left, scope), _decided(node, right, scope)
    left, right = _lift(left), _lift(right)
    if not (isinstance(left, Dim) and isinstance(right, Dim)):
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
        return None, None
    return (_decided(node, left - right, scope), 0) if op in _COMPARISONS else (left, right)


def _lift(value: Any) -> Any:
    return Dim.of(value) if isinstance(value, int) and not isinstance(value, bool) else value

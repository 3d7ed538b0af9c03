"""Weighted sums as people write them, `elbo + 0.1 * gan`, taken apart into terms."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.syntax import ast

OPERATORS = ("+", "-", "*", "/")


def is_sum(node: ast.Expr) -> bool:
    """Whether an expression is arithmetic, and so no single method."""
    return isinstance(node, ast.Unary) or (isinstance(node, ast.Binary) and node.op in OPERATORS)


def terms(node: ast.Expr, place: str) -> tuple[tuple[float, ast.Expr], ...]:
    """The methods of a sum, each with its weight, in the order in which they are written.

    Brackets are multiplied out. DGM0415 where a weight is no number, not finite or 0, or where one
    method multiplies another.
    """
    found = tuple(_terms(node, 1.0, place))
    for weight, term in found:
        if weight == 0 or not isfinite(weight):
            why = f"`{term.span.text}` has the weight {weight:g}: leave it out, or give it another"
            raise DgmError(codes.bad_method("objective", node.span.text, why, place))
    return found


def _terms(node: ast.Expr, weight: float, place: str) -> Iterator[tuple[float, ast.Expr]]:
    match node:
        case ast.Unary("-" | "+" as sign, operand):
            yield from _terms(operand, -weight if sign == "-" else weight, place)
        case ast.Binary("+" | "-" as sign, left, right):
            yield from _terms(left, weight, place)
            yield from _terms(right, -weight if sign == "-" else weight, place)
        case ast.Binary("*", left, right) if (factor := _number(left)) is not None:
            yield from _terms(right, weight * factor, place)
        case ast.Binary("*", left, right) if (factor := _number(right)) is not None:
            yield from _terms(left, weight * factor, place)
        case ast.Binary("/", left, right) if factor := _number(right):
            yield from _terms(left, weight / factor, place)
        case ast.Binary() | ast.Unary() | ast.Number():
            why = "write a sum of objectives, each times a number, as `elbo + 0.1 * gan`"
            raise DgmError(codes.bad_method("objective", node.span.text, why, place))
        case _:
            yield weight, node


def _number(node: ast.Expr) -> float | None:
    """The value of a factor that is made of numbers alone."""
    match node:
        case ast.Number(value):
            return value
        case ast.Unary("-", operand):
            held = _number(operand)
            return None if held is None else -held
        case ast.Binary("*" | "/" as op, left, right):
            one, other = _number(left), _number(right)
            if one is None or other is None or (op == "/" and other == 0):
                return None
            return one * other if op == "*" else one / other
    return None

"""What `prepare x = 2 * dequantize(x) - 1` says: steps on one variable, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.static import Static, static


@frozen()
class Applied:
    """One step: the extern `name` with settings, or where it is None, `scale` · x + `offset`."""

    name: str | None
    settings: Mapping[str, float]
    span: Span = field(repr=False, compare=False)


def applied(name: str, expression: ast.Expr, known: Sequence[Variable]) -> tuple[Applied, ...]:
    """The steps of a variable's preparation, the first to be applied first (DGM0520 to DGM0523)."""
    names = [variable.name for variable in known]
    if name not in names:
        raise DgmError(codes.prepares_nothing(expression.span, name, names))
    return tuple(_steps(expression, name))


def _steps(node: ast.Expr, name: str) -> Iterator[Applied]:
    match node:
        case ast.Name(found) if found == name:
            return
        case ast.Call(ast.Name(step), (ast.Argument(value, None, False), *rest), None):
            settings = _settings(_extern(node, step), rest)
            yield from _steps(value, name)
            yield Applied(step, settings, node.span)
        case ast.Unary("-", operand):
            yield from _steps(operand, name)
            yield Applied(None, {"scale": -1.0, "offset": 0.0}, node.span)
        case ast.Binary(op, left, right):
            value, scale, offset = _arithmetic(node, op, left, right, name)
            yield from _steps(value, name)
            yield Applied(None, {"scale": scale, "offset": offset}, node.span)
        case _:
            raise DgmError(codes.not_a_chain(node.span, name))


def _extern(node: ast.Call, name: str) -> Extern:
    known = library().space("prepare")
    if name not in known:
        raise DgmError(codes.unknown_preparation(node.function.span, name, known))
    return known[name]


def _settings(extern: Extern, arguments: Sequence[ast.Argument]) -> dict[str, float]:
    """What stands after the data, which is the first parameter."""
    parameters = [parameter.name for parameter in extern.parameters][1:]
    settings: dict[str, float] = {}
    for place, argument in enumerate(arguments):
        named = argument.name or (parameters[place] if place < len(parameters) else None)
        if named not in parameters:
            raise DgmError(codes.preparation_argument(argument.span, extern.name, parameters))
        settings[named] = _constant(argument.value)
    return settings


def _arithmetic(
    node: ast.Binary, op: str, left: ast.Expr, right: ast.Expr, name: str
) -> tuple[ast.Expr, float, float]:
    """The side with the variable, and the scale and offset that the other side makes."""
    if _mentions(left, name):
        number = _number_of(node, right, name)
        steps = {"+": (1.0, number), "-": (1.0, -number), "*": (number, 0.0)}
        if op == "/" and number:
            return left, 1.0 / number, 0.0
        value = left
    else:
        number = _number_of(node, left, name)
        steps = {"+": (1.0, number), "-": (-1.0, number), "*": (number, 0.0)}
        value = right
    if op not in steps or steps[op][0] == 0:
        raise DgmError(codes.not_a_chain(node.span, name))
    return value, *steps[op]


def _number_of(node: ast.Binary, side: ast.Expr, name: str) -> float:
    if _mentions(side, name):
        raise DgmError(codes.not_a_chain(node.span, name))
    return _constant(side)


def _mentions(node: ast.Expr, name: str) -> bool:
    match node:
        case ast.Name(found):
            return found == name
        case ast.Call(_, arguments):
            return any(_mentions(argument.value, name) for argument in arguments)
        case ast.Unary(_, operand):
            return _mentions(operand, name)
        case ast.Binary(_, left, right):
            return _mentions(left, name) or _mentions(right, name)
    return False


def _constant(node: ast.Expr) -> float:
    report = Report()
    value = static(node, Static({}, report))
    report.settle()
    if not isinstance(value, int | float):
        raise DgmError(codes.not_a_chain(node.span, "x"))
    return value

"""Whether a compile-time argument is of its parameter's declared type."""

from __future__ import annotations

from typing import Any

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Parameter
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim

TYPES: dict[str, tuple[type, ...]] = {
    "int": (int, Dim),
    "float": (int, float, Dim),
    "bool": (bool,),
    "name": (str,),
}


def typed(parameter: Parameter, held: Any, node: ast.Expr, owner: str, report: Report) -> bool:
    """Report DGM0306 where a setting is not of its type; an open dimension is a whole number."""
    wanted, several = parameter.type.kind, parameter.type.shape is not None
    if wanted not in TYPES or (held is None and parameter.type.optional):
        return True
    if several and isinstance(held, tuple) and all(_one(wanted, v) for v in held):
        return True
    if not several and _one(wanted, held):
        return True
    shown = f"{wanted}[]" if several else wanted
    help = f"write `[{node.span.text}]`" if several and _one(wanted, held) else None
    where = f"`{parameter.name}` of `{owner}`"
    report.say(codes.kind_mismatch(node.span, shown, node.span.text, where, help))
    return False


def counted(parameter: Parameter, held: Any, node: ast.Expr, owner: str, report: Report) -> bool:
    """Report DGM0372 where what a stage counts, its widths and repetitions, is below 1."""
    every = held if isinstance(held, tuple) else (held,)
    values = [v.value if isinstance(v, Dim) else v for v in every]
    low = [v for v in values if parameter.type.kind == "int" and v is not None and v < 1]
    if low:
        report.say(codes.out_of_range(node.span, parameter.name, owner, "at least 1", low[0]))
    return not low


def above_zero(parameter: Parameter, held: Any, node: ast.Expr, owner: str, report: Report) -> bool:
    """Report DGM0372 where a number that must be positive is not."""
    value = held.value if isinstance(held, Dim) else held
    if value is None or value > 0:
        return True
    report.say(codes.out_of_range(node.span, parameter.name, owner, "above 0", value))
    return False


def _one(wanted: str, value: Any) -> bool:
    return isinstance(value, TYPES[wanted]) and isinstance(value, bool) == (wanted == "bool")

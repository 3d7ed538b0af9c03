"""The arguments of a law: values of their kinds, and numbers that are the ends of its support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, Parameter, library
from dgmlang.compiler.linking import mentioned
from dgmlang.compiler.program import Expr
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import group_of
from dgmlang.compiler.types.dims import Dim, Shape
from dgmlang.compiler.types.expressions import literal
from dgmlang.compiler.types.functions import apply
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.invoke import settings
from dgmlang.compiler.types.kinds import ARRAYS, Kind, Type
from dgmlang.compiler.types.literals import as_array, told
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.static import static

_WITHIN = {"positive": "write a number above 0", "unit": "write a number between 0 and 1"}


def taken(extern: Extern, wanted: ast.TypeExpr, name: str, arg: Expr, scope: Scope) -> Expr | None:
    """A law's argument as one of its declared kind (DGM0306)."""
    kind, offered = wanted.kind, arg.type.kind
    where = f"`{name}` of {extern.name}"
    found = as_array(arg, kind, where) if kind in ARRAYS else held(arg, Kind(kind), where)
    if found is None:
        shown, help = told(arg, Kind(kind))
        known = offered.interval is not None and offered.interval.low == offered.interval.high
        declare = None if known else f"declare it `{kind}`: a param, or a net's head"
        meant = next((p.name for p in extern.parameters if p.type.kind == offered.name), None)
        if kind in ARRAYS and offered.name in ARRAYS and meant is not None:
            declare = f"name it: `{meant} = {arg.span.text}`"
        help = help or (_WITHIN.get(kind) if known else declare)
        scope.report.say(codes.kind_mismatch(arg.span, kind, shown, where, help))
    return found


def numbers_last(extern: Extern, values: Mapping[str, Expr]) -> list[Parameter]:
    """The run-time parameters that have arguments: arrays say what numbers repeat along."""
    moving = [p for p in group_of(extern, values) if not p.static]
    return sorted(moving, key=lambda p: not values[p.name].type.array_shape)


def axes(extern: Extern, target: Type, shape: Shape) -> dict[str, Dim]:
    """The names of a law's own axes by what it is the law of, of an overall shape."""
    of = extern.type
    if of is None or of.kind not in ("real", "simplex"):
        return {}
    names = [d.id for d in of.shape or () if isinstance(d, ast.Name)]
    found = dict(zip(names, shape[len(shape) - len(names) :], strict=False))
    inner = [a.value.id for a in of.arguments if isinstance(a.value, ast.Name)]
    return {**found, **dict(zip(inner, target.kind.inner, strict=False))}


def along(arg: Expr, wanted: ast.TypeExpr, known: Mapping[str, Dim], scope: Scope) -> Expr:
    """A number where a vector is wanted, repeated along it: a missing axis repeats."""
    names = [d.id for d in wanted.shape or () if isinstance(d, ast.Name)]
    if arg.type.array_shape or wanted.kind in ARRAYS or len(names) != 1 or names[0] not in known:
        return arg
    size, functions = known[names[0]], library().externs["fn"]
    count = size if size.value is None else size.value
    row = apply(functions["ones"], (), {"n": count}, arg.span, scope)
    return apply(functions["multiply"], (arg, row), {}, arg.span, scope)


def bounds(
    extern: Extern, bound: dict[str, ast.Argument], node: ast.Call, scope: Scope
) -> dict[str, Expr] | None:
    """The arguments with a value at compile time, defaults filled in; None where one is wrong.

    DGM0334: a variable's value. DGM0355: an open hyperparameter. DGM0372: not in ascending order.
    """
    fixed = {p.name for p in extern.parameters if p.static}
    if not fixed:
        return {}
    moving = next((a for n, a in bound.items() if n in fixed and _moves(a.value, scope)), None)
    if moving is not None:
        scope.report.say(law_codes.moving_support(moving.span, extern.name))
        return None
    found = settings(extern, bound, scope)
    if found is None:
        return None
    whole = {p.name for p in extern.parameters if p.type.kind == "int"}
    ends: dict[str, float] = {}
    for name, number in found.items():
        value = number.value if isinstance(number, Dim) else number
        if value is None:
            scope.report.say(codes.undecided(bound[name].span, min(number.symbols)))
            return None
        ends[name] = value if name in whole else float(value)
    low, high = extern.argument("ascending") or ("", "")
    if low and ends[low] >= ends[high]:
        at = bound[high if high in bound else low].span
        wanted = f"above `{low}`, {ends[low]:g}"
        help = "write the lower end first"
        scope.report.say(codes.out_of_range(at, high, extern.name, wanted, ends[high], help))
        return None
    return {name: literal(number, node.span) for name, number in ends.items()}


def most(extern: Extern, bound: dict[str, ast.Argument], scope: Scope) -> dict[str, Dim]:
    """Run-time parameters that bound a law's support, where their value is known already.

    `Binomial(5, p)` is a `count(5)`; where each example brings its own number, a `count`.
    """
    assert extern.type is not None
    named = {name for a in extern.type.arguments for name in mentioned(a.value)}
    asked = [p.name for p in extern.parameters if p.name in named & bound.keys() and not p.static]
    known = [name for name in asked if not _moves(bound[name].value, scope)]
    inner = replace(scope.static, report=Report())
    found = {name: static(bound[name].value, inner) for name in known}
    sizes = {n: Dim.of(v) if isinstance(v, int) else v for n, v in found.items()}
    return {n: s for n, s in sizes.items() if isinstance(s, Dim) and (s.value or 0) >= 0}


def _moves(node: ast.Expr, scope: Scope) -> bool:
    """Whether a value hangs on a variable."""
    return any(name in scope.static.runtime for name in mentioned(node))

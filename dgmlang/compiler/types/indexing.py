"""Indices and slices, NumPy's: `x[i]`, `x[:, None]`, and a class that looks a row up."""

from __future__ import annotations

from collections.abc import Callable

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Expr, Index, Literal, SliceItem
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim, Shape, broadcast
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.scope import Scope, Wrong, wrong
from dgmlang.compiler.types.static import static

Item = Expr | SliceItem | None


def index(
    node: ast.Index, value: Expr, scope: Scope, elaborate: Callable[[ast.Expr, Scope], Expr]
) -> Expr:
    """`value[items]` (DGM0330 to DGM0332). Several class indices broadcast, and lead the result."""
    if isinstance(value, Wrong):
        return value
    items = tuple(_item(item, scope, elaborate) for item in node.items)
    if any(isinstance(item, Wrong) for item in items):
        return wrong(node.span)
    axes = value.type.array_shape
    taken = sum(item is not None for item in items)
    if taken > len(axes):
        scope.report.say(codes.bad_index(node.span, len(axes), taken))
        return wrong(node.span)
    shape = _shape(axes, items, scope)
    if shape is None:
        return wrong(node.span)
    rows = taken <= len(value.type.shape)
    kind = value.type.kind if rows else REAL
    own = shape[: len(shape) - len(kind.inner)]
    return Index(value, items, type=Type(kind, own), span=node.span)


def _item(
    item: ast.Expr | ast.Slice, scope: Scope, elaborate: Callable[[ast.Expr, Scope], Expr]
) -> Item:
    if isinstance(item, ast.Slice):
        ends = (None if e is None else static(e, scope.static) for e in (item.start, item.stop))
        start, stop = (e.value if isinstance(e, Dim) else e for e in ends)
        return SliceItem(start, stop)
    if isinstance(item, ast.Name) and item.id == "None":
        return None
    return elaborate(item, scope)


def _shape(axes: Shape, items: tuple[Item, ...], scope: Scope) -> Shape | None:
    result: list[Dim] = []
    gathered: Shape | None = None
    at, where = 0, 0
    for item in items:
        if item is None:
            result.append(Dim.of(1))
            continue
        axis, at = axes[at], at + 1
        if isinstance(item, SliceItem):
            result.append(_sliced(axis, item))
        elif not _usable(item, axis, scope):
            return None
        else:
            where = len(result) if gathered is None else where
            gathered = broadcast(gathered or (), item.type.shape)
            if gathered is None:
                return None
    result[where:where] = list(gathered or ())
    return (*result, *axes[at:])


def _sliced(axis: Dim, item: SliceItem) -> Dim:
    if item.start is None and item.stop is None:
        return axis
    if axis.value is None:
        return Dim.of(item.stop or 0) - Dim.of(item.start or 0) if item.stop else axis
    return Dim.of(len(range(*slice(item.start, item.stop).indices(axis.value))))


def _usable(item: Expr, axis: Dim, scope: Scope) -> bool:
    if isinstance(item, Literal) and isinstance(item.value, int):
        if axis.value is not None and not -axis.value <= item.value < axis.value:
            scope.report.say(codes.index_range(item.span, str(item.value), str(axis)))
            return False
        return True
    levels = item.type.kind.levels
    if levels is None or item.type.kind.name == "spin":
        scope.report.say(codes.index_kind(item.span, str(item.type.kind)))
        return False
    if levels != axis:
        scope.report.say(codes.index_range(item.span, str(levels), str(axis)))
        return False
    return True

"""Indices and slices, NumPy's: `x[i]`, `x[:, None]`, and a class that looks a row up."""

from __future__ import annotations

from collections.abc import Callable

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Expr, Index, Literal, SliceItem
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim, Shape, broadcast, show
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
    shape = _shape(node, axes, items, scope)
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
        ends = [_end(e, scope) for e in (item.start, item.stop)]
        bad = next((e for e in ends if isinstance(e, Wrong)), None)
        start, stop = (e if isinstance(e, int) else None for e in ends)
        return bad or SliceItem(start, stop)
    if isinstance(item, ast.Name) and item.id == "None":
        return None
    return elaborate(item, scope)


def _end(node: ast.Expr | None, scope: Scope) -> int | Wrong | None:
    """One end of a slice: a whole number (DGM0303, DGM0355)."""
    if node is None:
        return None
    found = static(node, scope.static)
    if isinstance(found, Dim):
        if found.value is None:
            scope.report.say(codes.undecided(node.span, min(found.symbols)))
        found = found.value
    elif found is not None and (isinstance(found, bool) or not isinstance(found, int)):
        scope.report.say(codes.not_static(node.span, f"`{node.span.text}`"))
    return found if isinstance(found, int) and not isinstance(found, bool) else wrong(node.span)


def _shape(node: ast.Index, axes: Shape, items: tuple[Item, ...], scope: Scope) -> Shape | None:
    """NumPy's rule: gathered axes stand where the indices do, or first if these are separated."""
    result: list[Dim] = []
    gathered: Shape = ()
    where: int | None = None
    at = 0
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
            where = len(result) if where in (None, len(result)) else 0
            joined = broadcast(gathered, item.type.shape)
            if joined is None:
                shapes = show(gathered), show(item.type.shape)
                scope.report.say(codes.no_broadcast(node.span, *shapes, node.span.text))
                return None
            gathered = joined
    result[where or 0 : where or 0] = gathered
    return (*result, *axes[at:])


def _sliced(axis: Dim, item: SliceItem) -> Dim:
    if item.start is None and item.stop is None:
        return axis
    if axis.value is None:
        first = _from_end(axis, item.start or 0)
        return (axis if item.stop is None else _from_end(axis, item.stop)) - first
    return Dim.of(len(range(*slice(item.start, item.stop).indices(axis.value))))


def _from_end(axis: Dim, position: int) -> Dim:
    """A position of an axis of open length, long enough for it; a negative one is from its end."""
    return Dim.of(position) if position >= 0 else axis + Dim.of(position)


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

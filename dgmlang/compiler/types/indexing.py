"""Indices and slices, NumPy's: `x[i]`, `x[:, None]`, and a class that looks a row up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Counter, Expr, Index, Literal, Loop, Read, SliceItem
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim, Shape, broadcast, show
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.loops import linear, within_axis
from dgmlang.compiler.types.scope import Range, Scope, Wrong, wrong
from dgmlang.compiler.types.static import static

Item = Expr | SliceItem | None


def index(
    node: ast.Index, value: Expr, scope: Scope, elaborate: Callable[[ast.Expr, Scope], Expr]
) -> Expr:
    """`value[items]` (DGM0330 to DGM0332). Several class indices broadcast, and lead the result."""
    if isinstance(value, Wrong):
        return value
    items = tuple(_item(item, scope, elaborate) for item in node.items)
    known = not any(isinstance(item, Wrong) for item in items)
    if not known or not _of_the_past(node, value, items, scope):
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
    return Index(value, items, type=_still_optional(value.type, Type(kind, own)), span=node.span)


def _still_optional(whole: Type, part: Type) -> Type:
    """A part of what may be absent may be: of a given, as data are inferred where they are."""
    together = max(whole.together, len(part.kind.inner))
    if whole.entry_optional and len(part.array_shape) > together:
        return replace(part, entry_optional=True, together=whole.together)
    return replace(part, optional=whole.may_miss)


def _item(
    item: ast.Expr | ast.Slice, scope: Scope, elaborate: Callable[[ast.Expr, Scope], Expr]
) -> Item:
    at = linear(item, scope) if not isinstance(item, ast.Slice) else None
    if at is not None and at[0] is not None:
        return _counter(item, at[0], at[1], scope)
    if at is not None and isinstance(item, ast.Binary) and at[1].value is not None:
        position = at[1].value
        return elaborate(ast.Number(position, span=item.span) if position >= 0 else item, scope)
    if isinstance(item, ast.Slice) and item.stop and (at := linear(item.stop, scope)) and at[0]:
        return _prefix(item, at[0], at[1], scope)
    if isinstance(item, ast.Slice):
        ends = [_end(e, scope) for e in (item.start, item.stop)]
        bad = next((e for e in ends if isinstance(e, Wrong)), None)
        start, stop = (e if isinstance(e, int) else None for e in ends)
        return bad or SliceItem(start, stop)
    if isinstance(item, ast.Name) and item.id == "None":
        return None
    return elaborate(item, scope)


def _counter(item: ast.Node, over: Range, offset: Dim, scope: Scope) -> Expr:
    from dgmlang.compiler.types.expressions import counter

    if offset.value is None:
        scope.report.say(codes.undecided(item.span, min(offset.symbols)))
        return wrong(item.span)
    return counter(over, offset.value, item.span)


def _prefix(item: ast.Slice, over: Range, offset: Dim, scope: Scope) -> Item:
    """`:t`, an axis whose length is the loop's variable."""
    assert item.stop is not None
    if item.start is not None:
        scope.report.say(loop_codes.ragged(item.span, scope.law_of or "x"))
        return wrong(item.span)
    end = _counter(item.stop, over, offset, scope)
    return SliceItem(None, end) if isinstance(end, Counter) else wrong(item.span)


def ragged(of: Type) -> bool:
    """Whether some axis ends at a loop's variable."""
    return any(s.startswith(RAGGED) for axis in of.array_shape for s in axis.symbols)


def _of_the_past(node: ast.Index, value: Expr, items: tuple[Item, ...], scope: Scope) -> bool:
    """Inside its loop a variable is read at this turn, an earlier one, or all before (DGM0365)."""
    around = {id(r.loop) for r in scope.ranges.values()}
    loops = scope.looped.get(value.name, ()) if isinstance(value, Read) else ()
    for at, loop in enumerate(loops):
        if id(loop) not in around:
            continue
        item = items[at] if at < len(items) else None
        end = item.stop if isinstance(item, SliceItem) else item
        if not (isinstance(end, Counter) and end.loop is loop and end.offset <= 0):
            forms = _readable(node.value.span.text, loops, at)
            scope.report.say(loop_codes.not_past(node.span, node.value.span.text, forms))
            return False
    return True


def _readable(name: str, loops: Sequence[Loop], at: int) -> tuple[str, ...]:
    ends = (loops[at].index, f"{loops[at].index}-1", f":{loops[at].index}")
    before, after = ([o.index for o in part] for part in (loops[:at], loops[at + 1 :]))
    return tuple(f"{name}[{', '.join([*before, end, *after])}]" for end in ends)


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
            if isinstance(item.stop, Counter) and not _ends_within(item.stop, axis, scope):
                return None
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


RAGGED = ":"
"""What the symbol of an axis that ends at a loop's variable begins with; no name does."""


def _ends_within(stop: Counter, axis: Dim, scope: Scope) -> bool:
    """The end of a slice may be one past the last index, so the axis is taken to be one longer."""
    over = scope.ranges[stop.loop.index]
    return within_axis(stop.span, over, stop.offset, axis + Dim.of(1), scope)


def _sliced(axis: Dim, item: SliceItem) -> Dim:
    if isinstance(item.stop, Counter):
        return Dim.symbol(f"{RAGGED}{item.stop.loop.index}") + Dim.of(item.stop.offset)
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
    if isinstance(item, Counter):
        over = scope.ranges[item.loop.index]
        return within_axis(item.span, over, item.offset, axis, scope)
    if isinstance(item, Literal) and isinstance(item.value, int):
        if axis.value is not None and not -axis.value <= item.value < axis.value:
            scope.report.say(codes.no_entry(item.span, item.value, str(axis)))
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

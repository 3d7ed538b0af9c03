"""Loops: what their variables range over, and the conditions that this decides.

A law in a loop is elaborated once for each *piece*: a part of the loops' ranges on which every
condition on loop variables alone has one truth. `t == 0` cuts 0..T into [0, 1) and [1, T).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise, product

from dgmlang.compiler.diagnostics.codes import loops as codes
from dgmlang.compiler.program import Loop
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.scope import Range, Scope

ZERO, ONE = Dim.of(0), Dim.of(1)

Linear = tuple[Range | None, Dim]
"""A loop's range or none, plus a constant."""


def entered(scope: Scope, loops: tuple[Loop, ...]) -> Scope:
    """The scope inside loops, their variables over their whole ranges."""
    return scope.within(ranges={o.index: Range(o, ZERO, o.stop) for o in loops})


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────


def pieces(written: ast.Node, scope: Scope) -> Iterator[Scope]:
    """The scope of each piece of a law, in the order of the indices."""
    cut = [_parts(r, written, scope) for r in scope.ranges.values()]
    for ranges in product(*cut):
        yield scope.within(ranges={r.loop.index: r for r in ranges})


def _parts(whole: Range, written: ast.Node, scope: Scope) -> list[Range]:
    cuts: dict[Dim, Span] = {}
    for node in _nodes(written):
        if isinstance(node, ast.Binary) and (found := _compared(node, scope)) is not None:
            op, over, root = found
            if over.loop is whole.loop:
                cuts |= dict.fromkeys(_CUTS[op](root), node.span)
    if any(_unordered(cut, span, whole, scope) for cut, span in cuts.items()):
        return []
    inner = [cut for cut in cuts if _inside(cut, whole)]
    inner.sort(key=lambda c: (c.value is None, c.value or (c - whole.stop).value or 0))
    ends = [whole.start, *inner, whole.stop]
    return [Range(whole.loop, a, b) for a, b in pairwise(ends)]


_CUTS = {
    "==": lambda r: (r, r + ONE),
    "!=": lambda r: (r, r + ONE),
    "<": lambda r: (r,),
    ">=": lambda r: (r,),
    "<=": lambda r: (r + ONE,),
    ">": lambda r: (r + ONE,),
}


def _unordered(cut: Dim, span: Span, whole: Range, scope: Scope) -> bool:
    """DGM0368 where a cut is counted neither from the start of a loop nor from its end."""
    unknown = cut.value is None and (whole.stop - cut).value is None
    if unknown:
        scope.report.say(codes.unordered(span, whole.loop.index))
    return unknown


def _inside(cut: Dim, whole: Range) -> bool:
    """Whether a cut falls between the ends; a loop of open length is taken to be long enough."""
    after, left = cut.value, (whole.stop - cut).value
    return (after is None or after > 0) and (left is None or left > 0)


def _nodes(node: object) -> Iterator[ast.Node]:
    if isinstance(node, ast.Node):
        yield node
        for f in fields(node):
            yield from _nodes(getattr(node, f.name))
    elif isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────


def decided(node: ast.Expr, scope: Scope) -> bool | None:
    """The truth of a condition on loop variables alone in this piece; None for any other."""
    match node:
        case ast.Unary("not", operand):
            held = decided(operand, scope)
            return None if held is None else not held
        case ast.Binary("and" | "or" as op, left, right):
            return _either(op, decided(left, scope), decided(right, scope))
        case ast.Binary():
            found = _compared(node, scope)
            return None if found is None else _holds(*found)
    return None


def _either(op: str, left: bool | None, right: bool | None) -> bool | None:
    ends = op == "or"  # the truth that decides alone
    if ends in (left, right):
        return ends
    return None if left is None or right is None else not ends


def _compared(node: ast.Binary, scope: Scope) -> tuple[str, Range, Dim] | None:
    """`t ⋈ root` from any comparison that is linear in one loop variable."""
    if node.op not in _CUTS:
        return None
    left, right = linear(node.left, scope), linear(node.right, scope)
    if left is None or right is None or (left[0] is None) == (right[0] is None):
        return None
    if left[0] is not None:
        return node.op, left[0], right[1] - left[1]
    assert right[0] is not None
    return _TURNED.get(node.op, node.op), right[0], left[1] - right[1]


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _holds(op: str, over: Range, root: Dim) -> bool | None:
    """The truth of `t ⋈ root` for t in [start, stop)."""
    below, upto = _less(over, root), _less(over, root + ONE)
    match op:
        case "<" | ">=":
            found = below
        case "<=" | ">":
            found = upto
        case _:
            found = False if below or upto is False else True if below is False and upto else None
    return not found if found is not None and op in (">=", ">", "!=") else found


def _less(over: Range, root: Dim) -> bool | None:
    """The truth of t < root."""
    after, left = (over.start - root).value, (root - over.stop).value
    if after is not None and after >= 0:
        return False
    return True if left is not None and left >= 0 else None


def linear(node: ast.Expr, scope: Scope) -> Linear | None:
    """An expression as a loop variable (or none) plus a dimension; None where it is neither."""
    match node:
        case ast.Number(int(value)):
            return None, Dim.of(value)
        case ast.Name(name):
            return _named(name, scope)
        case ast.Unary("-", operand):
            found = linear(operand, scope)
            return (None, -found[1]) if found is not None and found[0] is None else None
        case ast.Binary("+" | "-" as op, left, right):
            a, b = linear(left, scope), linear(right, scope)
            if a is None or b is None or (b[0] is not None and (op == "-" or a[0] is not None)):
                return None
            return a[0] or b[0], a[1] + b[1] if op == "+" else a[1] - b[1]
    return None


def _named(name: str, scope: Scope) -> Linear | None:
    if name in scope.locals:
        return None
    if name in scope.ranges:
        return scope.ranges[name], ZERO
    known = scope.statics
    if name not in known:
        return None
    held = known[name]
    if isinstance(held, int) and not isinstance(held, bool):
        return None, Dim.of(held)
    return (None, held) if isinstance(held, Dim) else None


# ── indices ──────────────────────────────────────────────────────────────────────────────────────


def within_axis(span: Span, over: Range, offset: int, axis: Dim, scope: Scope) -> bool:
    """Whether t + offset is an index of an axis for every t of the piece (DGM0364)."""
    first, name = over.start + Dim.of(offset), over.loop.index
    if first.value is not None and first.value < 0:
        guard = f"{name} == 0" if offset == -1 else f"{name} < {-offset}"
        scope.report.say(codes.before_the_axis(span, name, str(over.start), guard))
        return False
    # A piece that a condition cuts off ends with its loop at the latest, which may be open.
    rooms = [(axis - stop).value for stop in (over.stop, over.loop.stop)]
    if all(room is None or room < offset for room in rooms):
        last = str(over.stop - ONE)
        guard = None if rooms[0] is None else f"{name} >= {axis - Dim.of(offset)}"
        guard = f"{name} == {last}" if rooms[0] == offset - 1 else guard
        ends = (str(axis), str(over.stop))
        scope.report.say(codes.past_the_axis(span, name, last, ends, guard))
        return False
    return True

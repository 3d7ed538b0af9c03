"""Result types of functions and operators, by the properties of their externs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Apply, Expr, Literal
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.declared import bind, instantiate
from dgmlang.compiler.types.dims import Dim, Shape, broadcast, show
from dgmlang.compiler.types.greys import alike
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.indexing import ragged
from dgmlang.compiler.types.kinds import ANY, REAL, Interval, Kind, Type, of_interval
from dgmlang.compiler.types.scope import Scope, Wrong, wrong


def apply(
    extern: Extern, args: Sequence[Expr], settings: Mapping[str, Any], span: Span, scope: Scope
) -> Expr:
    """The application of a function to typed arguments, with its type (DGM0304 to DGM0306)."""
    if any(isinstance(a, Wrong) for a in args):
        return wrong(span)
    taken = _arguments(extern, args, scope)
    if taken is None or not _lengths_fit(extern, args, scope):
        return wrong(span)
    args = alike(taken) if extern.has("concatenation") else taken
    shape = _shape(extern, args, settings, span, scope)
    if shape is None:
        return wrong(span)
    kind = _kind(extern, args, settings, scope, shape)
    inner = len(kind.inner)
    result = Type(kind, shape[: len(shape) - inner] if inner else shape)
    if extern.has("appends_levels"):
        settings = {**settings, "levels": shape[-1].value}
    return Apply(extern, tuple(args), settings, type=result, span=span)


def _lengths_fit(extern: Extern, args: Sequence[Expr], scope: Scope) -> bool:
    """Whether a slice that a loop variable ends may stand here (DGM0366).

    Past its end it is filled with zeros, so it may where zeros add nothing: in a sum, or in a
    product that is summed over an equally ragged axis.
    """
    found = next((a for a in args if ragged(a.type)), None)
    if found is None or extern.has("additive"):
        return True
    if extern.has("contraction"):
        left, right = (a.type.array_shape for a in args)
        met = right[-2] if len(right) > 1 else right[-1] if right else None
        if left and left[-1] == met:
            return True
    scope.report.say(loop_codes.ragged(found.span, scope.law_of or "x"))
    return False


def _arguments(extern: Extern, args: Sequence[Expr], scope: Scope) -> list[Expr] | None:
    runtime = [p for p in extern.groups[0] if not p.static]
    if extern.has("concatenation"):
        runtime = runtime * len(args)
    taken: list[Expr] = []
    for parameter, arg in zip(runtime, args, strict=False):
        wanted = Kind(parameter.type.kind)
        offered = arg.type.kind
        where = f"`{parameter.name}` of `{extern.name}`"
        if parameter.type.kind in ("cat", "simplex"):
            fits = offered.name in ("cat", "grey", "bit", parameter.type.kind)
            found = arg if fits else None
        elif wanted.name == "real" and offered.inner:
            found = arg
        else:
            found = held(arg, wanted, where, ends=True)
        if found is None:
            help = "use `one_hot(…)`" if offered.name == "cat" else None
            if wanted.name == "bit" and offered.interval is not None:
                help = f"compare it, as in `{arg.span.text} > 0`"
            kinds = parameter.type.kind, str(offered)
            scope.report.say(codes.kind_mismatch(arg.span, *kinds, where, help))
        else:
            taken.append(found)
    return taken if len(taken) == len(args) else None


def _shape(
    extern: Extern, args: Sequence[Expr], settings: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    shapes = [a.type.array_shape for a in args]
    for name, rule in _SHAPES.items():
        if extern.has(name):
            return rule(extern, shapes, settings, span, scope)
    return _mapped(extern, args, settings, span, scope)


def _entrywise(
    extern: Extern, shapes: list[Shape], _: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    total: Shape = ()
    for shape in shapes:
        joined = broadcast(total, shape)
        if joined is None:
            scope.report.say(codes.no_broadcast(span, show(total), show(shape), extern.name))
            return None
        total = joined
    return total


def _reduced(
    extern: Extern, shapes: list[Shape], settings: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    axis, shape = settings.get("axis"), shapes[0]
    if axis is None:
        return ()
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        scope.report.say(codes.no_axis(span, len(shape), axis))
        return None
    at = axis % len(shape)
    return shape[:at] + shape[at + 1 :]


def _contracted(
    extern: Extern, shapes: list[Shape], _: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    left, right = shapes
    inner = right[-2] if len(right) > 1 else right[-1] if right else None
    if not left or inner is None or left[-1] != inner:
        scope.report.say(codes.no_product(span, show(left), show(right)))
        return None
    if len(right) == 1:
        return left[:-1]
    batch = broadcast(left[:-2], right[:-2])
    if batch is None:
        scope.report.say(codes.no_broadcast(span, show(left), show(right), "@"))
        return None
    return batch + left[-2:-1] + right[-1:]


def _concatenated(
    extern: Extern, shapes: list[Shape], settings: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    axis = settings.get("axis", -1)
    widest = max(shapes, key=len)
    if not -max(len(widest), 1) <= axis < max(len(widest), 1):
        scope.report.say(codes.no_axis(span, max(len(widest), 1), axis))
        return None
    if not widest:
        return (Dim.of(len(shapes)),)
    shapes = [s or (Dim.of(1),) for s in shapes]
    at = axis % len(widest)
    rests = {s[:at] + s[at + 1 :] for s in shapes}
    if len(rests) > 1 or any(len(s) != len(widest) for s in shapes):
        scope.report.say(codes.no_broadcast(span, show(shapes[0]), show(shapes[-1]), extern.name))
        return None
    total = reduce(lambda a, b: a + b, (s[at] for s in shapes))
    return (*widest[:at], total, *widest[at + 1 :])


_SHAPES: dict[str, Callable[..., Shape | None]] = {
    "entrywise": _entrywise,
    "entrywise_permutation": lambda e, shapes, *_: shapes[0],
    "reduction": _reduced,
    "contraction": _contracted,
    "concatenation": _concatenated,
}


def _mapped(
    extern: Extern, args: Sequence[Expr], settings: Mapping[str, Any], span: Span, scope: Scope
) -> Shape | None:
    """The signature's own axes last; what the arguments have beyond them is mapped over."""
    dims: dict[str, Dim] = {}
    leading: Shape = ()
    parameters = [p for p in extern.groups[0] if not p.static]
    for parameter, arg in zip(parameters, args, strict=True):
        over = bind(parameter.type, arg.type, dims)
        joined = None if over is None else broadcast(leading, over)
        if joined is None:
            wanted = parameter.type.span.text
            scope.report.say(codes.shape_mismatch(arg.span, wanted, str(arg.type)))
            return None
        leading = joined
    assert extern.type is not None
    result = instantiate(extern.type, dims, settings, scope.static)
    return leading + result.array_shape


def _kind(
    extern: Extern, args: Sequence[Expr], settings: Mapping[str, Any], scope: Scope, shape: Shape
) -> Kind:
    rule = extern.argument("interval")
    intervals = [a.type.kind.interval for a in args]
    if rule and all(i is not None for i in intervals):
        return of_interval(_INTERVALS[rule[0]](args, [i for i in intervals if i is not None]))
    if extern.has("entrywise_permutation"):
        return args[0].type.kind
    if extern.has("concatenation"):
        kinds = {a.type.kind for a in args}
        return kinds.pop() if len(kinds) == 1 else REAL
    if extern.type is None:
        return ANY
    if extern.type.arguments and extern.type.kind != "interval":
        return Kind(extern.type.kind, (shape[-1],))
    return (
        instantiate(extern.type, {}, settings, scope.static).kind
        if not extern.type.shape
        else Kind(extern.type.kind)
    )


def _power(args: Sequence[Expr], intervals: list[Interval]) -> Interval:
    exponent = args[1].value if isinstance(args[1], Literal) else None
    if intervals[0].positive:
        return Interval(0.0, float("inf"), open_low=True)
    even = isinstance(exponent, int) and exponent % 2 == 0
    return Interval(0.0 if even else float("-inf"), float("inf"))


def _larger(left: Interval, right: Interval) -> Interval:
    low = max(left.low, right.low)
    open_low = any(i.low == low and i.open_low for i in (left, right))
    return Interval(low, max(left.high, right.high), open_low)


def _smaller(left: Interval, right: Interval) -> Interval:
    low = min(left.low, right.low)
    open_low = all(i.open_low for i in (left, right) if i.low == low)
    return Interval(low, min(left.high, right.high), open_low)


_INTERVALS: dict[str, Callable[[Sequence[Expr], list[Interval]], Interval]] = {
    "add": lambda _, i: i[0] + i[1],
    "subtract": lambda _, i: i[0] + -i[1],
    "multiply": lambda _, i: i[0] * i[1],
    "divide": lambda _, i: (
        i[0] * i[1].reciprocal() if i[1].positive else Interval(float("-inf"), float("inf"))
    ),
    "negative": lambda _, i: -i[0],
    "power": _power,
    "sum": lambda _, i: (
        Interval(0.0, float("inf"), i[0].positive)
        if i[0].low >= 0
        else Interval(float("-inf"), float("inf"))
    ),
    "abs": lambda _, i: Interval(0.0, float("inf"), i[0].positive),
    "relu": lambda _, i: _larger(i[0], Interval(0.0, 0.0)),
    "maximum": lambda _, i: _larger(i[0], i[1]),
    "minimum": lambda _, i: _smaller(i[0], i[1]),
    "sqrt": lambda _, i: Interval(0.0, float("inf"), i[0].positive),
    "mean": lambda _, i: i[0],
}

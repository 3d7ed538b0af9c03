"""From a written type to a `Type`, and binding an extern's types to what stands at a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim, Shape, size
from dgmlang.compiler.types.kinds import ARRAYS, KINDS, REAL, STATIC, UNIT, Kind, Type
from dgmlang.compiler.types.static import Static, dimension, static

ELLIPSIS = "..."


def declared(node: ast.TypeExpr, scope: Static) -> Type:
    """The type that a declaration writes (DGM0301, DGM0302)."""
    if node.kind not in KINDS or node.kind == "any":
        scope.report.say(codes.unknown_kind(node.span, node.kind, KINDS - STATIC - {"any"}))
        return Type(Kind("any"))
    if node.kind in STATIC:
        scope.report.say(codes.static_kind(node.span, node.kind))
        return Type(Kind("any"))
    shape = tuple(dimension(d, scope) for d in node.shape or ())
    return Type(_kind(node, scope), shape, node.optional, node.entry_optional, node.up_to)


def _kind(node: ast.TypeExpr, scope: Static) -> Kind:
    if node.kind == "byte":
        return Kind("grey", (Dim.of(256),))
    arguments = [argument.value for argument in node.arguments]
    wants = {"interval": 2, "cat": 1, "grey": 1, **dict.fromkeys(ARRAYS, 1)}.get(node.kind, 0)
    if len(arguments) != wants and (node.kind != "count" or len(arguments) > 1):
        scope.report.say(_brackets(node, wants))
        return Kind("any")
    if node.kind == "interval":
        return _interval(arguments, scope)
    return Kind(node.kind, tuple(dimension(a, scope) for a in arguments))


def _brackets(node: ast.TypeExpr, wants: int) -> Diagnostic:
    """What is wrong with the round brackets behind a kind."""
    kind = node.kind
    if wants == 2:
        return codes.kind_arguments(node.span, "two ends in brackets", f"{kind}(0, 1)")
    if wants == 1:
        wanted = "the number of classes" if kind in ("cat", "grey") else "a size"
        return codes.kind_arguments(node.span, f"{wanted} in brackets", f"{kind}(3)")
    sizes = ", ".join(a.span.text for a in node.arguments)
    return codes.kind_arguments(node.span, "a shape in square brackets", f"{kind}[{sizes}]")


def _interval(ends: Sequence[ast.Expr], scope: Static) -> Kind:
    """`interval(a, b)` (DGM0355, DGM0372)."""
    numbers: list[float] = []
    for end in ends:
        found = static(end, scope)
        if isinstance(found, Dim) and found.value is None:
            scope.report.say(codes.undecided(end.span, min(found.symbols)))
            return Kind("any")
        found = found.value if isinstance(found, Dim) else found
        if not isinstance(found, int | float) or isinstance(found, bool):
            if found is not None:
                scope.report.say(codes.not_static(end.span, f"`{end.span.text}`"))
            return Kind("any")
        numbers.append(float(found))
    low, high = numbers
    if low >= high:
        above = f"above `a`, {low:g}"
        help = "write the lower end first"
        scope.report.say(codes.out_of_range(ends[1].span, "b", "interval(a, b)", above, high, help))
        return Kind("any")
    known = {(0, 1): UNIT, (-inf, inf): REAL}
    return known.get((low, high)) or Kind("interval", (low, high))


def bind(wanted: ast.TypeExpr, found: Type, dims: dict[str, Dim]) -> Shape | None:
    """Match an extern's type with a value's: returns the leading axes that the type leaves over.

    Names in the type (`K`, `n`) are bound in `dims` at their first use and compared afterwards. A
    shape `[...]` takes all axes and leaves none. None where the value does not fit.
    """
    if _everything(wanted):
        return () if _bind_kind(wanted, found.kind, dims) else None
    rank = len(wanted.shape or ())
    # A simplex where an array is wanted gives its own axis up.
    axes = found.shape if _same_array(wanted, found) else found.array_shape
    if rank > len(axes) or not _bind_kind(wanted, found.kind, dims):
        return None
    tail = axes[len(axes) - rank :]
    names = (d for d in wanted.shape or ())
    if not all(_bind_dim(name, dim, dims) for name, dim in zip(names, tail, strict=True)):
        return None
    return axes[: len(axes) - rank]


def unit(wanted: ast.TypeExpr, rank: int) -> int:
    """How many trailing axes of a value of this rank the type takes: all where it says `[...]`."""
    return rank if _everything(wanted) else len(wanted.shape or ())


def _everything(wanted: ast.TypeExpr) -> bool:
    shape = wanted.shape or ()
    return len(shape) == 1 and isinstance(shape[0], ast.Name) and shape[0].id == ELLIPSIS


def _same_array(wanted: ast.TypeExpr, found: Type) -> bool:
    return wanted.kind in ARRAYS or wanted.kind == "any" or found.kind.name not in ARRAYS


def _bind_kind(wanted: ast.TypeExpr, found: Kind, dims: dict[str, Dim]) -> bool:
    own = [a for a in found.args if isinstance(a, Dim)] or ([found.levels] if found.levels else [])
    written = [a.value for a in wanted.arguments]
    if wanted.kind in ("cat", "grey", *ARRAYS) and written:
        if not own or (wanted.kind in ARRAYS and found.name != wanted.kind):
            return False
        return all(_bind_dim(a, d, dims) for a, d in zip(written, own, strict=False) if d)
    return True


def _bind_dim(name: ast.Expr, dim: Dim, dims: dict[str, Dim]) -> bool:
    if isinstance(name, ast.Number):
        return dim == Dim.of(int(name.value))
    if isinstance(name, ast.Name):
        return dims.setdefault(name.id, dim) == dim
    return False


def instantiate(
    node: ast.TypeExpr,
    dims: Mapping[str, Dim],
    settings: Mapping[str, Any],
    scope: Static,
    whole: Shape = (),
) -> Type:
    """The type that an extern yields once its names are bound.

    `whole` are all axes of the input: `...` repeats them and `size` is their product.
    """
    named = [a.value.id for a in node.arguments if isinstance(a.value, ast.Name)]
    if node.kind == "count" and not all(name in settings for name in named):
        node = replace(node, arguments=())  # its end is known at run time only
    functions = {"last": lambda xs: xs[-1] if isinstance(xs, tuple) and xs else None}
    values = {**settings, **dims, "size": size(whole)}
    inner = Static(values, scope.report, functions=functions)
    shape: list[Dim] = []
    for axis in node.shape or ():
        if isinstance(axis, ast.Name) and axis.id == ELLIPSIS:
            shape.extend(whole)
        else:
            shape.append(dimension(axis, inner))
    return Type(_kind(node, inner) if node.kind != "any" else Kind("any"), tuple(shape))

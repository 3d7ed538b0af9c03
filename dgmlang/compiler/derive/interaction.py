"""Which sites of an energy interact: the graph from which Gibbs blocks are read off.

Of every expression we keep where its entries come from and which pairs of sites it has multiplied.
`Where` is a set of offsets on the variable's own grid (`shift` and slices move them; a one-hot has
its levels behind the grid), or ALL once the entry depends on sites in no fixed place. A pair
(u, v, δ) says that site i of u may interact with site i + δ of v; δ is ALL where any two may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, product

from dgmlang.compiler.derive.degree import is_class
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Apply, Expr, Index, Read, SliceItem, Stack
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.walk import bare, children, reads, walk

Offset = tuple[int, ...]
Where = frozenset[Offset] | None
"""Offsets at which an entry reads a variable; None is ALL."""

Pair = tuple[str, str, Offset | None]


@frozen()
class Trace:
    """What an expression depends on, and the pairs that it couples."""

    sources: Mapping[str, Where]
    pairs: frozenset[Pair]


def interactions(energies: tuple[Expr, ...], shapes: Mapping[str, Shape]) -> frozenset[Pair]:
    """All pairs of sites that the sum of the energies couples, each in both directions."""
    found = frozenset[Pair]().union(*(trace(e, shapes).pairs for e in energies))
    return found | {(v, u, None if d is None else tuple(-x for x in d)) for u, v, d in found}


def rolled(energies: Iterable[Expr], variable: str) -> frozenset[int]:
    """The axes along which some energy moves the variable around its periodic boundary."""
    found = (node for node in walk(*energies) if isinstance(node, Apply))
    shifts = [n for n in found if n.extern.has("entrywise_permutation") and variable in reads(n)]
    return frozenset(n.settings["axis"] % len(n.type.shape) for n in shifts if n.type.shape)


def trace(node: Expr, shapes: Mapping[str, Shape]) -> Trace:
    """The sources and pairs of one expression; `shapes` are the variables that are sites."""
    node = bare(node)
    if isinstance(node, Read):
        home = frozenset({(0,) * len(shapes.get(node.name, ()))})
        return Trace({node.name: home} if node.name in shapes else {}, frozenset())
    if not set(reads(node)) & set(shapes):
        return Trace({}, frozenset())
    below = [trace(child, shapes) for child in children(node)]
    pairs = frozenset[Pair]().union(*(t.pairs for t in below))
    if isinstance(node, Index):
        sources, coupled = _indexed(node, below, shapes)
    elif isinstance(node, Apply):
        sources, coupled = _combine(node, _aligned(node, below), shapes)
    else:
        merged = _union(t.sources for t in below)
        whole = frozenset() if isinstance(node, Stack) else _couple(merged, merged, whole=True)
        sources, coupled = dict.fromkeys(merged), whole
    return Trace(sources, pairs | coupled)


def _indexed(
    node: Index, below: list[Trace], shapes: Mapping[str, Shape]
) -> tuple[dict[str, Where], frozenset[Pair]]:
    """Entries of an array: those of a slice stand in order, any others anywhere."""
    value, *items = below
    if any(item.sources for item in items):
        merged = _union(t.sources for t in below)
        return dict.fromkeys(merged), _couple(merged, merged, whole=True)
    starts = _starts(node)
    if starts is None:
        return dict.fromkeys(value.sources), frozenset()
    moved = {name: _moved(where, starts) for name, where in value.sources.items()}
    return moved, frozenset()


def _starts(node: Index) -> Offset | None:
    """Where slices begin along each axis; None where some item is no slice of fixed ends."""
    sides = node.value.type.array_shape
    starts = [0] * len(sides)
    if len(node.items) > len(sides):
        return None
    for axis, item in enumerate(node.items):
        side = sides[axis].value
        if not isinstance(item, SliceItem) or side is None:
            return None
        start = item.start or 0
        starts[axis] = max(start + side, 0) if start < 0 else min(start, side)
    return tuple(starts)


def _moved(where: Where, starts: Offset) -> Where:
    if where is None or _ranks(where) - {len(starts)}:
        return None
    return frozenset(tuple(x + y for x, y in zip(o, starts, strict=True)) for o in where)


def _aligned(node: Apply, below: list[Trace]) -> list[Trace]:
    """What is below, in no fixed place where it is broadcast: its entries then meet several."""
    if node.extern.has("appends_levels"):
        return below
    shapes = [child.type.array_shape for child in children(node)]
    whole = shapes[0] if node.extern.has("contraction") else node.type.array_shape
    return [
        t if shape == whole or not t.sources else Trace(dict.fromkeys(t.sources), t.pairs)
        for t, shape in zip(below, shapes, strict=True)
    ]


def _combine(
    node: Apply, below: list[Trace], shapes: Mapping[str, Shape]
) -> tuple[dict[str, Where], frozenset[Pair]]:
    merged = _union(t.sources for t in below)
    extern = node.extern
    if extern.has("entrywise_permutation"):
        return _shifted(merged, node, shapes), frozenset()
    if extern.has("affine"):
        spread = not extern.has("entrywise")
        return (dict.fromkeys(merged) if spread else merged), frozenset()
    if extern.has("multilinear") and len(below) == 2:
        return _product(node, below, merged)
    if extern.has("over_levels") and all(
        is_class(a, merged.keys()) or not t.sources for a, t in zip(node.args, below, strict=True)
    ):
        pairs = [_couple(a.sources, b.sources, whole=False) for a, b in combinations(below, 2)]
        return merged, frozenset[Pair]().union(*pairs)
    whole = not extern.has("entrywise")
    return (dict.fromkeys(merged) if whole else merged), _couple(merged, merged, whole)


def _product(
    node: Apply, below: list[Trace], merged: dict[str, Where]
) -> tuple[dict[str, Where], frozenset[Pair]]:
    """Left with right; each of them with itself too where the function is not linear in it."""
    contracted = node.extern.has("contraction")
    # A matrix product meets entry (i, k) with entry (k, j): only vectors meet at one place.
    apart = contracted and any(len(a.type.array_shape) > 1 for a in node.args)
    pairs = _couple(below[0].sources, below[1].sources, whole=apart)
    linear = node.extern.argument("multilinear") or tuple(p.name for p in node.extern.parameters)
    for parameter, trace_ in zip(node.extern.parameters, below, strict=True):
        if parameter.name not in linear:
            pairs |= _couple(trace_.sources, trace_.sources, whole=contracted)
    return (dict.fromkeys(merged) if contracted else merged), pairs


def _union(parts: Iterable[Mapping[str, Where]]) -> dict[str, Where]:
    total: dict[str, Where] = {}
    for sources in parts:
        for name, where in sources.items():
            known = total.get(name, frozenset())
            total[name] = None if known is None or where is None else known | where
    return total


def _shifted(
    sources: Mapping[str, Where], node: Apply, shapes: Mapping[str, Shape]
) -> dict[str, Where]:
    rank = len(node.type.shape)
    axis = node.settings["axis"] % rank if rank else 0
    moved: dict[str, Where] = {}
    for name, where in sources.items():
        # A part of an array turns around another boundary than its variable's own.
        if where is None or shapes[name] != node.type.array_shape:
            moved[name] = None
        else:
            # shift(x, k)[i] is x[i − k].
            moved[name] = frozenset(
                tuple(x - node.settings["k"] * (a == axis) for a, x in enumerate(o)) for o in where
            )
    return moved


def _couple(left: Mapping[str, Where], right: Mapping[str, Where], whole: bool) -> frozenset[Pair]:
    """Every site of the left with every site of the right that meets it in one entry."""
    pairs: set[Pair] = set()
    for (u, a), (v, b) in product(left.items(), right.items()):
        if whole or a is None or b is None or _ranks(a) != _ranks(b):
            pairs.add((u, v, None))
        else:
            pairs |= {(u, v, tuple(y - x for x, y in zip(o, p, strict=True))) for o in a for p in b}
    return frozenset(pairs)


def _ranks(where: frozenset[Offset]) -> set[int]:
    return {len(o) for o in where}

"""Which sites of an energy interact: the graph from which Gibbs blocks are read off.

Of every expression we keep where its entries come from and which pairs of sites it has multiplied.
`Where` is a set of offsets on the variable's own grid (`shift` moves them), or ALL once the entry
depends on sites in no fixed place. A pair (u, v, δ) says that site i of u interacts with site i + δ
of v for all i; δ is ALL where any two may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, product

from dgmlang.compiler.derive.degree import is_class
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Apply, Expr, Read
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.walk import bare, children, reads

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
    sources, coupled = _combine(node, below)
    return Trace(_settled(node, sources, shapes), pairs | coupled)


def _combine(node: Expr, below: list[Trace]) -> tuple[dict[str, Where], frozenset[Pair]]:
    merged = _union(t.sources for t in below)
    if not isinstance(node, Apply):
        return dict.fromkeys(merged), _couple(merged, merged, whole=True)
    extern = node.extern
    if extern.has("entrywise_permutation"):
        return _shifted(merged, node), frozenset()
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


def _shifted(sources: Mapping[str, Where], node: Apply) -> dict[str, Where]:
    rank = len(node.type.shape)
    axis = node.settings["axis"] % rank if rank else 0
    moved: dict[str, Where] = {}
    for name, where in sources.items():
        if where is None or any(len(o) != rank for o in where):
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


def _settled(
    node: Expr, sources: Mapping[str, Where], shapes: Mapping[str, Shape]
) -> dict[str, Where]:
    """Offsets only mean something while the expression has the variable's own shape."""
    same = {n: shapes[n] == node.type.array_shape for n in sources}
    return {n: where if same[n] else None for n, where in sources.items()}

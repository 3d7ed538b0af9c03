"""How laws read each other through loops, and so in which order and manner they can be drawn.

Allen and Kennedy's rule (1987, sec. 4.2): take the strongly connected components of the reads. A
component of one variable that does not read itself is a *plate* in every loop. Any other shares
its outermost loop: reads that go back along it are met by drawing turn after turn, and what is
left is looked at again within one turn, along the next loop. A cycle that no loop breaks is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Counter,
    Expr,
    Index,
    Law,
    Loop,
    Read,
    Repeated,
    ScoreLaw,
    SliceItem,
)
from dgmlang.compiler.walk import arguments, children


@frozen()
class Lag:
    """How far back one loop is read: `least` turns, or with `prefix` so many and all before."""

    least: int
    prefix: bool = False


@frozen()
class Dependence:
    """One read: how far back along each loop of the variable read; None: at any place of it."""

    reader: str
    read: str
    lags: tuple[Lag | None, ...]
    place: Expr


@frozen()
class Component:
    """Variables that are drawn together: how each of their common loops runs, outermost first.

    `ways` holds `plate`, `chain` or `prefix` for each loop that was needed to break their cycles;
    along any further loop they are plates. `lag` is the furthest read of a chain. Within one turn
    the `inner` components follow each other.
    """

    variables: tuple[str, ...]
    ways: tuple[str, ...] = ()
    lag: int = 0
    inner: tuple[Component, ...] = ()
    witness: Dependence | None = None


class Circular(Exception):
    """A cycle of reads that no loop breaks."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" → ".join(names))
        self.names = names


# ── reads ────────────────────────────────────────────────────────────────────────────────────────


def dependences(name: str, law: Law, laws: Mapping[str, Law]) -> Iterator[Dependence]:
    """The reads of variables that have laws; the past of x is no read of x, nor is its score."""
    loops = law.loops if isinstance(law, Repeated) else ()
    for node in _reads(arguments(law)):
        read, items = (node.value, node.items) if isinstance(node, Index) else (node, ())
        assert isinstance(read, Read)
        if read.name in laws and not (isinstance(law, ScoreLaw) and read.name == name):
            other = laws[read.name]
            depth = len(other.loops) if isinstance(other, Repeated) else 0
            lags = [_lag(*pair) for pair in zip_longest(items[:depth], loops[:depth])]
            lags = (*lags, *(None,) * depth)[:depth]
            yield Dependence(name, read.name, lags, node)


def _lag(item: Expr | SliceItem | None, loop: Loop | None) -> Lag | None:
    match item:
        case Counter() if item.loop is loop:
            return Lag(-item.offset)
        case SliceItem(None, Counter() as end) if end.loop is loop:
            return Lag(1 - end.offset, prefix=True)
    return None


def _reads(roots: Iterable[Expr]) -> Iterator[Read | Index]:
    """Every read, with the index that stands directly at it."""
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        node = todo.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        below = children(node)
        if isinstance(node, Index) and isinstance(node.value, Read):
            below = below[1:]
            yield node
        elif isinstance(node, Read):
            yield node
        todo.extend(below)


# ── components ───────────────────────────────────────────────────────────────────────────────────


def components(laws: Mapping[str, Law]) -> tuple[Component, ...]:
    """The components of laws, each behind those that it reads; raises Circular."""
    edges = [d for name, law in laws.items() for d in dependences(name, law, laws)]
    return tuple(_schedule(tuple(laws), edges, laws, 0))


def _schedule(
    names: Sequence[str], edges: Sequence[Dependence], laws: Mapping[str, Law], level: int
) -> Iterator[Component]:
    for group in _connected(names, edges):
        within = [e for e in edges if e.reader in group and e.read in group]
        yield _component(group, within, laws, level) if within else Component(group)


def _component(
    group: tuple[str, ...], edges: list[Dependence], laws: Mapping[str, Law], level: int
) -> Component:
    """A cycle of reads: along the loop of this level it must go back, or be broken further in."""
    stops = {_stop(laws[name], level) for name in group}
    if len(stops) != 1 or None in stops or any(e.lags[level] is None for e in edges):
        raise Circular(_round(group, edges))
    lags = {id(e): lag for e in edges if (lag := e.lags[level]) is not None}
    back = [e for e in edges if lags[id(e)].least > 0]
    left = [e for e in edges if lags[id(e)].least == 0]
    inner = tuple(_schedule(group, left, laws, level + 1))
    if not back:
        (only,) = inner
        return Component(group, ("plate", *only.ways), only.lag, only.inner, only.witness)
    first = next((e for e in back if lags[id(e)].prefix), back[0])
    way = "prefix" if lags[id(first)].prefix else "chain"
    lag = max(lags[id(e)].least for e in back)
    return Component(group, (way,), lag, inner, first)


def _stop(law: Law, level: int) -> object:
    loops = law.loops if isinstance(law, Repeated) else ()
    return loops[level].stop if level < len(loops) else None


def _connected(names: Sequence[str], edges: Sequence[Dependence]) -> Iterator[tuple[str, ...]]:
    """Strongly connected components, those read first, ties as declared (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> Iterator[tuple[str, ...]]:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for edge in edges:
            if edge.reader == name and edge.read not in order:
                yield from visit(edge.read)
            if edge.reader == name and edge.read in stack:
                lowest[name] = min(lowest[name], lowest[edge.read])
        if lowest[name] == order[name]:
            found = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            yield tuple(n for n in names if n in found)

    for name in names:
        if name not in order:
            yield from visit(name)


def _round(group: tuple[str, ...], edges: Sequence[Dependence]) -> tuple[str, ...]:
    """One cycle within a group, from its first variable on."""
    path = [group[0]]
    while path[-1] not in path[:-1]:
        path.append(next(e.read for e in edges if e.reader == path[-1]))
    return tuple(path[path.index(path[-1]) : -1])

"""The law of a variable in loops, entry by entry: every turn of a piece at once, or one of them.

Loops become `vmap`s, outermost first. What no turn changes is evaluated once, outside of them, and
an array that is read at a turn (`x[t-1]`) is sliced and handed to the `vmap`, not gathered from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import (
    Counter,
    Expr,
    Index,
    Law,
    Literal,
    Local,
    Loop,
    Piece,
    Read,
    Repeated,
    SliceItem,
)
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import arguments, children, walk

if TYPE_CHECKING:
    from dgmlang.compiler.derive.facts import Turns
    from dgmlang.compiler.lower.evaluate import Evaluation

Run = Callable[[Law, "Evaluation", Any], Any]
"""What is done at one turn: the law of the entry, an evaluation there, and the turn's own value."""

Fixed = Mapping[int, Any]
"""The index of each loop that stands at one turn, by the number of the loop."""


def piecewise(law: Repeated, inside: Evaluation, run: Run, each: Any) -> Iterator[Array]:
    """`run` at every turn, piece by piece: arrays with the piece's lengths in front.

    `each` has the loops' axes in front: `run` gets its entry of the turn.
    """
    known = hoisted(law, inside)
    for piece in law.pieces:
        yield at_turns(law, piece, inside, run, each, {}, known)


@dataclass(frozen=True)
class Window:
    """The last turns of variables that are drawn along the loop of number `axis`, this one last.

    Attributes:
        axis: The number of the loop.
        lag: The place of this turn in the windows of the variables `names`.
        ready: What is read of other arrays at this turn, by the id of the node that reads it.
    """

    axis: int
    lag: int
    names: Set[str]
    ready: Mapping[int, Array]

    def holds(self, node: Index) -> bool:
        """Whether an index reads one of the windows."""
        return isinstance(node.value, Read) and node.value.name in self.names


def at_turns(
    law: Repeated,
    piece: Piece,
    inside: Evaluation,
    run: Run,
    each: Any,
    fixed: Fixed,
    known: Mapping[int, Any],
    injected: Set[int] = frozenset(),
    window: Window | None = None,
) -> Any:
    """`run` at the turns of a piece; loops in `fixed` stand still, and have no axis in the result.

    `known` are values of nodes that no turn changes. Nodes in `injected` get theirs from `run`.
    """
    spans = ends(piece)
    reads = [
        _sliced(node, law, spans, inside, fixed, known, window)
        for node in walk(*arguments(piece.law))
        if isinstance(node, Index) and id(node) not in injected and leading(node, law)
    ]

    def along(level: int, arrays: list[Array], own: Any, turns: dict[int, Any]) -> Any:
        if level == len(law.loops):
            heads = {id(r.node): (a, r.taken) for r, a in zip(reads, arrays, strict=True)}
            return run(piece.law, inside.turn(turns, known, heads), own)
        key = id(law.loops[level])
        if level in fixed:
            return along(level + 1, arrays, own, {**turns, key: fixed[level]})
        axes = [r.axis(level) for r in reads]
        start, stop = spans[level]

        def turn(index: Array, arrays: list[Array], own: Any) -> Any:
            return along(level + 1, arrays, own, {**turns, key: index})

        return jax.vmap(turn, (0, axes, 0))(jnp.arange(start, stop), arrays, own)

    own = jax.tree.map(lambda a: a[places(spans, fixed)], each)
    return along(0, [r.array for r in reads], own, {})


def ends(piece: Piece) -> list[tuple[int, int]]:
    """The first index of each loop, and the one behind the last."""
    return [(start, stop) for start, stop in map(numbers, piece.ranges)]


def places(spans: Sequence[tuple[int, int]], fixed: Fixed) -> tuple[Any, ...]:
    """The turns of a piece as an index: the fixed loop's index, the slice of any other."""
    return tuple(fixed.get(level, slice(*span)) for level, span in enumerate(spans))


# ── reads at a turn ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Sliced:
    """What `node` reads at all turns; its leading axes are those of the loops `levels`."""

    node: Index
    array: Array
    taken: int
    levels: tuple[int, ...]

    def axis(self, level: int) -> int | None:
        """Where the loop's axis is once the loops around it are mapped; None: it is not read."""
        outer = [at for at in self.levels if at >= level]
        return outer.index(level) if level in outer else None


def leading(node: Index, law: Repeated) -> list[tuple[int, int]]:
    """The loop's number and the offset of each leading item that is a loop's variable."""
    loops = list(map(id, law.loops))
    found: list[tuple[int, int]] = []
    for item in node.items:
        if not isinstance(item, Counter) or loops.index(id(item.loop)) in dict(found):
            break
        found.append((loops.index(id(item.loop)), item.offset))
    return found


def _sliced(
    node: Index,
    law: Repeated,
    spans: Sequence[tuple[int, int]],
    inside: Evaluation,
    fixed: Fixed,
    known: Mapping[int, Any],
    window: Window | None,
) -> _Sliced:
    items = leading(node, law)
    open_ = tuple(level for level, _ in items if level not in fixed)

    def place(level: int, offset: int) -> Any:
        if level not in fixed:
            return slice(*(end + offset for end in spans[level]))
        if window is not None and window.holds(node) and level == window.axis:
            return window.lag + offset
        return fixed[level] + offset

    if window is not None and id(node) in window.ready:
        at = tuple(place(*item) for item in items if item[0] != window.axis)
        return _Sliced(node, window.ready[id(node)][at], len(items), open_)
    base = base_of(node, inside, known)
    return _Sliced(node, base[tuple(place(*item) for item in items)], len(items), open_)


def base_of(node: Index, inside: Evaluation, known: Mapping[int, Any]) -> Array:
    """The array that an index reads from."""
    found = known.get(id(node.value))
    return jnp.asarray(inside.value(node.value) if found is None else found)


# ── what no turn changes ─────────────────────────────────────────────────────────────────────────


def hoisted(law: Repeated, inside: Evaluation, drawn: Set[str] = frozenset()) -> dict[int, Any]:
    """The values of the largest expressions that are the same at every turn.

    `drawn` are variables whose entries are not all there yet.
    """
    found: dict[int, Any] = {}
    changes: dict[int, bool] = {}
    seen: set[int] = set()
    todo = list(arguments(law))
    while todo:
        node = todo.pop()
        if id(node) in seen or isinstance(node, Read | Literal | Local):
            continue
        seen.add(id(node))
        if _changes(node, drawn, changes):
            todo.extend(children(node))
        else:
            found[id(node)] = inside.value(node)
    return found


def _changes(node: Expr, drawn: Set[str], memo: dict[int, bool]) -> bool:
    if id(node) not in memo:
        ends = node.items if isinstance(node, Index) else ()
        ragged = any(isinstance(i, SliceItem) and isinstance(i.stop, Counter) for i in ends)
        own = isinstance(node, Counter) or (isinstance(node, Read) and node.name in drawn)
        memo[id(node)] = own or ragged or any(_changes(c, drawn, memo) for c in children(node))
    return memo[id(node)]


def lengths(loops: Sequence[Loop]) -> tuple[int, ...]:
    """How many turns each loop has."""
    return numbers(tuple(loop.stop for loop in loops))


def reads_of(law: Law, turns: Turns) -> list[tuple[int, str, int]]:
    """The nodes that read a latent, with its name and how many turns back."""
    found: list[tuple[int, str, int]] = []
    for node in walk(*arguments(law)):
        if isinstance(node, Index) and isinstance(node.value, Read):
            name = node.value.name
            item = node.items[turns.axis] if name in turns.variables else None
            if isinstance(item, Counter):
                found.append((id(node), name, -item.offset))
    return found

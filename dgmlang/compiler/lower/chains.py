"""Variables of loops, drawn or computed in the order in which their laws read each other.

A plate is drawn at once. Along a chain turn follows turn in a scan that carries the last turns
alone, so that T turns cost O(T), and so do their gradients. Along a prefix, and in loops inside a
loop that already runs in sequence, the whole arrays are carried. Where the first turns have laws of
their own, the loop is cut there, so that each part has one law.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import dtype, stored
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import sample
from dgmlang.compiler.lower.missing import lacking
from dgmlang.compiler.lower.turns import (
    Fixed,
    Window,
    at_turns,
    base_of,
    ends,
    hoisted,
    leading,
    lengths,
    places,
)
from dgmlang.compiler.program import Index, Law, Piece, Read, Repeated
from dgmlang.compiler.types.dependence import Component
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import arguments, walk
from dgmlang.objectives.objective import Values

Spans = Mapping[int, tuple[int, int]]
"""The turns, first and behind the last, among which a loop that stands still is."""


@dataclass(frozen=True)
class Drawn:
    """What stays the same while one component is drawn.

    Attributes:
        laws: The laws of the variables that are drawn; those given are not among them.
        types: The variables' types.
        each: A key for each entry of each variable, and what an example holds of it, if anything.
        known: The values of nodes that no turn changes.
        inside: The evaluation around the component.
        window: Where a scan carries windows: this turn's.
    """

    laws: Mapping[str, Repeated]
    types: Mapping[str, Type]
    each: Mapping[str, tuple[Array, Array | None]]
    known: Mapping[int, Any]
    inside: Evaluation
    window: Window | None = None


def draw_in_loops(
    part: Component, laws: Mapping[str, Law], keys: Mapping[str, Array], inside: Evaluation
) -> Values:
    """One draw of a component's variables that have no value yet, or are in `keys`.

    Of what has a value only the missing entries are drawn; later ones read the entries it has.
    """
    seen = {n: jnp.asarray(inside.values[n]) for n in keys if n in inside.values}
    wanted = {n: laws[n] for n in part.variables if n in seen or n not in inside.values}
    looped = {n: law for n, law in wanted.items() if isinstance(law, Repeated)}
    types = {n: inside.built.program.variables[n].type for n in looped}
    known: dict[int, Any] = {}
    for law in looped.values():
        known |= hoisted(law, inside, frozenset(looped))
    each = {n: (_each(keys.get(n), law), seen.get(n)) for n, law in looped.items()}
    blank: Values = {n: jnp.zeros(numbers(t.array_shape), dtype(t.kind)) for n, t in types.items()}
    return _part(part, 0, {}, {}, blank, Drawn(looped, types, each, known, inside))


def _each(key: Array | None, law: Repeated) -> Array:
    """A key for each entry; of a state, which needs none, anything."""
    sizes = lengths(law.loops)
    return jnp.zeros(sizes) if key is None else jax.random.split(key, sizes)


def _part(
    part: Component, level: int, fixed: Fixed, spans: Spans, values: Values, run: Drawn
) -> Values:
    """The values with a component's entries drawn, at the turns of the loops that are fixed."""
    axis = next((at for at, way in enumerate(part.ways, level) if way != "plate"), None)
    if axis is None:
        return _plate(part.variables[0], fixed, spans, values, run)
    if run.window is None and not fixed and _looks_back_only(run, axis):
        return _scanned(part, axis, values, run)
    for start, stop in pairwise(_cuts(part, axis, run)):

        def step(turn: Any, current: Values, span: tuple[int, int] = (start, stop)) -> Values:
            return _turn(part, axis, {**fixed, axis: turn}, {**spans, axis: span}, current, run)

        one = stop == start + 1
        values = step(start, values) if one else jax.lax.fori_loop(start, stop, step, values)
    return values


def _turn(
    part: Component, axis: int, fixed: Fixed, spans: Spans, values: Values, run: Drawn
) -> Values:
    for inner in part.inner:
        values = _part(inner, axis + 1, fixed, spans, values, run)
    return values


def _cuts(part: Component, axis: int, run: Drawn) -> list[int]:
    """Where a loop is divided: at the ends of the pieces of the variables drawn in it."""
    laws = [run.laws[n] for n in part.variables if n in run.laws]
    return sorted({end for law in laws for piece in law.pieces for end in ends(piece)[axis]})


def _plate(name: str, fixed: Fixed, spans: Spans, values: Values, run: Drawn) -> Values:
    """The entries of one variable at the turns of its loops that are not fixed."""
    law, window = run.laws.get(name), run.window
    if law is None:
        return values
    kind = run.types[name].kind
    now = replace(run.inside.with_values(values), open=frozenset(run.laws))
    for piece in _covering(law, spans):
        entries = at_turns(law, piece, now, _entry, run.each[name], fixed, run.known, window=window)
        held = fixed if window is None else {**fixed, window.axis: window.lag}
        at = places(ends(piece), held)
        values = {**values, name: values[name].at[at].set(stored(kind, entries))}
    return values


def _entry(law: Law, inside: Evaluation, own: tuple[Array, Array | None]) -> Array:
    key, seen = own
    drawn = sample(law, key, inside)
    return drawn if seen is None else jnp.where(lacking(seen), drawn, seen)


def _covering(law: Repeated, spans: Spans) -> Iterator[Piece]:
    """The pieces in which all turns of some spans are."""
    for piece in law.pieces:
        ranges = ends(piece)
        if all(_covers(ranges[level], span) for level, span in spans.items()):
            yield piece


def _covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


# ── chains that carry their last turns ───────────────────────────────────────────────────────────


def _scanned(part: Component, axis: int, values: Values, run: Drawn) -> Values:
    """The entries along a chain, by a scan over windows of the last turns."""
    lag = max(-offset for _, offset in _own_reads(run, axis))
    windows = {
        name: jnp.zeros_like(jax.lax.slice_in_dim(values[name], 0, 1, axis=axis)).repeat(
            lag + 1, axis
        )
        for name in run.laws
    }
    found: dict[str, list[Array]] = {name: [] for name in run.laws}
    for span in pairwise(_cuts(part, axis, run)):
        ready = dict(_ready(axis, span, run))

        def step(
            carried: Values, turn: tuple[Array, dict[int, Array]], span: tuple[int, int] = span
        ) -> tuple[Values, Values]:
            index, reads = turn
            shifted = {n: jnp.roll(w, -1, axis) for n, w in carried.items()}
            here = replace(run, window=Window(axis, lag, frozenset(run.laws), reads))
            drawn = _turn(part, axis, {axis: index}, {axis: span}, shifted, here)
            return drawn, {n: jnp.take(w, lag, axis) for n, w in drawn.items()}

        windows, turns = jax.lax.scan(step, windows, (jnp.arange(*span), ready))
        for name, drawn in turns.items():
            found[name].append(jnp.moveaxis(drawn, 0, axis))
    return {**values, **{n: jnp.concatenate(parts, axis) for n, parts in found.items()}}


def _looks_back_only(run: Drawn, axis: int) -> bool:
    """Whether every read of what is drawn here is that of one turn, this one or one before."""
    own = {
        id(node)
        for law in run.laws.values()
        for node in walk(*arguments(law))
        if isinstance(node, Read) and node.name in run.laws
    }
    return own == {id(node.value) for node, _ in _own_reads(run, axis)}


def _own_reads(run: Drawn, axis: int) -> list[tuple[Index, int]]:
    """The reads of what is drawn here at a fixed number of turns before, with the offset."""
    return [
        (node, dict(leading(node, law))[axis])
        for law in run.laws.values()
        for node in walk(*arguments(law))
        if isinstance(node, Index) and _is_own(node, run) and axis in dict(leading(node, law))
    ]


def _is_own(node: Index, run: Drawn) -> bool:
    return isinstance(node.value, Read) and node.value.name in run.laws


def _ready(axis: int, span: tuple[int, int], run: Drawn) -> Iterator[tuple[int, Array]]:
    """What is read of other arrays at each turn of a span, the turns in front.

    Sliced here and not in the scan, whose gradient would add up a whole array at every turn.
    """
    for law in run.laws.values():
        for node in (n for p in _covering(law, {axis: span}) for n in walk(*arguments(p.law))):
            if not isinstance(node, Index) or _is_own(node, run):
                continue
            items = dict(leading(node, law))
            if axis not in items:
                continue
            start, stop = (end + items[axis] for end in span)
            base, place = base_of(node, run.inside, run.known), list(items).index(axis)
            taken = jax.lax.slice_in_dim(base, start, stop, axis=place)
            yield id(node), jnp.moveaxis(taken, place, 0)

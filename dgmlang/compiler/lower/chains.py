"""Draws of variables in loops, in the order in which their laws read each other.

A plate is drawn at once. Along a chain or a prefix turn follows turn: the drawn entries stand in
the variable's whole array, which the loop carries. Where the first turns have laws of their own,
the loop is cut there, so that each part has one law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import dtype, stored
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import sample
from dgmlang.compiler.lower.turns import Fixed, at_turns, ends, hoisted, lengths, places
from dgmlang.compiler.program import Law, Repeated
from dgmlang.compiler.types.dependence import Component
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Type
from dgmlang.objectives.objective import Values


@dataclass(frozen=True)
class Drawn:
    """What stays the same while one component is drawn.

    Attributes:
        laws: The laws of the variables that are drawn; those given are not among them.
        types: The variables' types.
        keys: A key for each entry of each variable.
        known: The values of nodes that no turn changes.
        inside: The evaluation around the component.
    """

    laws: Mapping[str, Repeated]
    types: Mapping[str, Type]
    keys: Mapping[str, Array]
    known: Mapping[int, Any]
    inside: Evaluation


def draw_in_loops(
    part: Component, laws: Mapping[str, Law], keys: Mapping[str, Array], inside: Evaluation
) -> Values:
    """One draw of a component's variables that have no value yet; `keys` has one for each."""
    wanted = {n: laws[n] for n in part.variables if n not in inside.values}
    looped = {n: law for n, law in wanted.items() if isinstance(law, Repeated)}
    types = {n: inside.built.program.variables[n].type for n in looped}
    known: dict[int, Any] = {}
    for law in looped.values():
        known |= hoisted(law, inside, frozenset(looped))
    each = {n: jax.random.split(keys[n], lengths(law.loops)) for n, law in looped.items()}
    blank: Values = {n: jnp.zeros(numbers(t.array_shape), dtype(t.kind)) for n, t in types.items()}
    return _part(part, 0, {}, {}, blank, Drawn(looped, types, each, known, inside))


def _part(
    part: Component, level: int, fixed: Fixed, spans: Fixed, values: Values, run: Drawn
) -> Values:
    """The values with a component's entries drawn, at the turns of the loops that are fixed."""
    axis = next((at for at, way in enumerate(part.ways, level) if way != "plate"), None)
    if axis is None:
        return _plate(part.variables[0], fixed, spans, values, run)
    for start, stop in pairwise(_cuts(part, axis, run)):

        def step(turn: Any, current: Values, span: tuple[int, int] = (start, stop)) -> Values:
            for inner in part.inner:
                here, there = {**fixed, axis: turn}, {**spans, axis: span}
                current = _part(inner, axis + 1, here, there, current, run)
            return current

        one = stop == start + 1
        values = step(start, values) if one else jax.lax.fori_loop(start, stop, step, values)
    return values


def _cuts(part: Component, axis: int, run: Drawn) -> list[int]:
    """Where a loop is divided: at the ends of the pieces of the variables drawn in it."""
    laws = [run.laws[n] for n in part.variables if n in run.laws]
    return sorted({end for law in laws for piece in law.pieces for end in ends(piece)[axis]})


def _plate(name: str, fixed: Fixed, spans: Fixed, values: Values, run: Drawn) -> Values:
    """The entries of one variable at the turns of its loops that are not fixed."""
    law = run.laws.get(name)
    if law is None:
        return values
    kind = run.types[name].kind
    now = run.inside.with_values(values)
    for piece in law.pieces:
        ranges = ends(piece)
        if any(not _covers(ranges[level], span) for level, span in spans.items()):
            continue
        entries = at_turns(law, piece, now, _entry, run.keys[name], fixed, run.known)
        at = places(ranges, fixed)
        values = {**values, name: values[name].at[at].set(stored(kind, entries))}
    return values


def _entry(law: Law, inside: Evaluation, key: Array) -> Array:
    return sample(law, key, inside)


def _covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]

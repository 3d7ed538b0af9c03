"""Gibbs blocks: colour classes of the interaction graph.

A variable whose sites interact by a stencil is split into classes Σ_a f_a(i_a) mod m of the index.
Where all f_a are linear, w_a·i_a, this is sound where no offset of the stencil maps to 0, and where
m divides w·side for each axis that the stencil crosses around a periodic boundary. Elsewhere f_a
colours the places along one axis: a line of odd length that is closed takes three colours, any
other line two. Sites that may all interact are drawn one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count, product
from math import inf, prod

from dgmlang.compiler.derive.curvature import quadratic
from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.derive.facts import SINGLE_SITE, Block, Part, Witness
from dgmlang.compiler.derive.interaction import Offset, Pair, interactions, rolled
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers

MOST_COLOURS = 16
"""A split into more classes than this is not worth a sweep of its own for each."""

MOST_PLACES = 2**16
"""Sides longer than this are not coloured place by place."""

Lines = tuple[tuple[int, ...], ...]
"""The colours of the places along each axis."""


def blocks(program: Program, variables: Sequence[Variable]) -> tuple[Block, ...]:
    """The blocks of an energy's variables, or none where some variable has no conditional."""
    if program.open or any(not (_finite(v) or _gaussian(v, program)) for v in variables):
        return ()
    shapes = {v.name: v.type.array_shape for v in variables}
    pairs = interactions(program.energies, shapes)
    together: list[Part] = []
    alone: list[Part] = []
    for variable in variables:
        split = _parts(variable, program, pairs)
        if split is None and not _finite(variable):
            return ()
        if split is None:
            alone.append(_whole(variable))
        else:
            together.extend(split)
    found = [_block(group, program, pairs) for group in _grouped(together, program, pairs)]
    return (*found, *(_one_by_one(part, program) for part in alone))


def _finite(variable: Variable) -> bool:
    return variable.type.kind.space == "finite"


def _gaussian(variable: Variable, program: Program) -> bool:
    return variable.type.kind.name == "real" and quadratic(program, variable.name)


def _whole(variable: Variable) -> Part:
    sides = numbers(variable.type.array_shape)
    return Part(variable.name, (0,) * len(sides), 1, 0, prod(sides))


def _parts(variable: Variable, program: Program, pairs: frozenset[Pair]) -> list[Part] | None:
    """The classes of a variable's sites; None where they are not known or too many."""
    sides = numbers(variable.type.array_shape)
    own = {d for u, v, d in pairs if u == v == variable.name}
    if prod(sides) <= 1:
        return [_whole(variable)]
    if None in own:
        return None
    closed = rolled(program.energies, variable.name)
    offsets = {_around(d, sides, closed) for d in own if d is not None}
    offsets = {d for d in offsets if any(d)}
    if not offsets:
        return [_whole(variable)]
    lines = _lines(offsets, sides, closed)
    linear = _linear(offsets, sides, closed, MOST_COLOURS if lines is None else lines[0])
    if linear is not None:
        weights, modulus = linear
        each = [_residues(w, modulus, side) for w, side in zip(weights, sides, strict=True)]
        return _classes(variable.name, weights, modulus, each, ())
    if lines is None:
        return None
    modulus, places = lines
    each = [[line.count(colour) for colour in range(modulus)] for line in places]
    return _classes(variable.name, (0,) * len(sides), modulus, each, places)


def _classes(
    name: str,
    weights: tuple[int, ...],
    modulus: int,
    each: Sequence[Sequence[int]],
    lines: Lines,
) -> list[Part]:
    """A part for each class; `each` is how often a residue comes along an axis."""
    counts = [1] + [0] * (modulus - 1)
    for axis in each:
        counts = [
            sum(counts[a] * axis[(r - a) % modulus] for a in range(modulus)) for r in range(modulus)
        ]
    return [Part(name, weights, modulus, r, counts[r], lines) for r in range(modulus)]


def _residues(weight: int, modulus: int, side: int) -> list[int]:
    found = [0] * modulus
    for i in range(modulus):
        found[weight * i % modulus] += (side - i + modulus - 1) // modulus  # i, i + modulus, …
    return found


def _around(offset: Offset, sides: tuple[int, ...], closed: Collection[int]) -> Offset:
    """The offset with turns around a closed axis taken off."""
    each = enumerate(zip(offset, sides, strict=True))
    return tuple(d % side if axis in closed else d for axis, (d, side) in each)


def _linear(
    offsets: Collection[Offset], sides: tuple[int, ...], closed: Collection[int], most: int
) -> tuple[tuple[int, ...], int] | None:
    """The smallest modulus up to `most` with weights that keep interacting sites apart."""
    for modulus in range(2, most + 1):
        for weights in product(range(modulus), repeat=len(sides)):
            if _sound(weights, modulus, offsets, sides, closed):
                return weights, modulus
    return None


def _sound(
    weights: tuple[int, ...],
    modulus: int,
    offsets: Collection[Offset],
    sides: tuple[int, ...],
    closed: Collection[int],
) -> bool:
    apart = all(sum(w * x for w, x in zip(weights, o, strict=True)) % modulus for o in offsets)
    crossed = [axis in closed and any(o[axis] for o in offsets) for axis in range(len(sides))]
    return apart and all(
        (w * side) % modulus == 0 for w, side, c in zip(weights, sides, crossed, strict=True) if c
    )


def _lines(
    offsets: Collection[Offset], sides: tuple[int, ...], closed: Collection[int]
) -> tuple[int, Lines] | None:
    """Colours of the places along each axis whose sum keeps sites apart, and how many classes.

    A step along one axis changes one summand alone, by less than the number of classes. Where
    offsets are aslant, each axis counts in digits of its own.
    """
    if max(sides) > MOST_PLACES:
        return None
    each = [_line(axis, offsets, side, axis in closed) for axis, side in enumerate(sides)]
    counts = [max(line) + 1 for line in each]
    if all(sum(map(bool, o)) == 1 for o in offsets):
        classes = max(counts)
    else:
        strides = [prod(counts[:axis]) for axis in range(len(each))]
        each = [tuple(s * c for c in line) for s, line in zip(strides, each, strict=True)]
        classes = prod(counts)
    return (classes, tuple(each)) if classes <= MOST_COLOURS else None


def _line(axis: int, offsets: Collection[Offset], side: int, closed: bool) -> tuple[int, ...]:
    """Colours of the places along an axis, each the first that no place at an offset has."""
    steps = {s for o in offsets if o[axis] for s in (o[axis], -o[axis])}
    colours: dict[int, int] = {}
    for place in range(side):
        near = (place + step for step in steps)
        taken = {colours.get(p % side if closed else p) for p in near}
        colours[place] = next(c for c in count() if c not in taken)
    return tuple(colours.values())


def _grouped(parts: Sequence[Part], program: Program, pairs: frozenset[Pair]) -> list[list[Part]]:
    """Greedy colouring of the parts, in the order of declaration; spaces are not mixed."""
    coupled = {(u, v) for u, v, _ in pairs if u != v}
    spaces = {p.variable: program.variables[p.variable].type.kind.space for p in parts}
    coupled |= {(u, v) for u in spaces for v in spaces if spaces[u] != spaces[v]}
    groups: list[list[Part]] = []
    for part in parts:
        for group in groups:
            if all(
                p.variable != part.variable and (p.variable, part.variable) not in coupled
                for p in group
            ):
                group.append(part)
                break
        else:
            groups.append([part])
    return groups


def _block(parts: list[Part], program: Program, pairs: frozenset[Pair]) -> Block:
    names = {part.variable for part in parts}
    rule = "multilinear" if _multilinear(names, program, pairs) else "differences"
    if not all(_finite(program.variables[n]) for n in names):
        rule = "gaussian"
    shown = ", ".join(sorted(names))
    text = f"no energy couples two sites of {shown} in this block"
    return Block(tuple(parts), rule, Witness("interaction graph", text, program.energies[0].span))


def _one_by_one(part: Part, program: Program) -> Block:
    text = f"any two sites of {part.variable} may interact, so they are drawn one after the other"
    return Block((part,), SINGLE_SITE, Witness("interaction graph", text, program.energies[0].span))


def _multilinear(names: set[str], program: Program, pairs: frozenset[Pair]) -> bool:
    """Degree at most one in each site: a polynomial that never multiplies a site with itself."""
    kinds = [program.variables[n].type.kind for n in names]
    known = all(kind.two_valued or kind.name == "cat" for kind in kinds)
    squared = any(_meets_itself(u, d, program) for u, v, d in pairs if u == v and u in names)
    return (
        known
        and not squared
        and all(degree(e, names, program.nets) < inf for e in program.energies)
    )


def _meets_itself(name: str, offset: Offset | None, program: Program) -> bool:
    """Whether the offset leads back to the site where it begins."""
    sides = numbers(program.variables[name].type.array_shape)
    if offset is None:
        return True
    return not any(_around(offset, sides, rolled(program.energies, name)))

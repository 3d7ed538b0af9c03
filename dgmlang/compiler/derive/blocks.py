"""Gibbs blocks: colour classes of the interaction graph.

A variable whose sites interact by a stencil is split into residue classes of a linear form of the
index, Σ w·i mod m: sound where no offset of the stencil maps to 0, and where m divides w·side for
each axis that the stencil crosses, so that the classes close up over the periodic boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import inf

from dgmlang.compiler.derive.curvature import quadratic
from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.derive.facts import Block, Part, Witness
from dgmlang.compiler.derive.interaction import Offset, Pair, interactions
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers, size

MOST_COLOURS = 16
"""A split into more classes than this is not worth a sweep of its own for each."""

Colouring = tuple[tuple[int, ...], int]
"""Weights and modulus."""


def blocks(program: Program, variables: Sequence[Variable]) -> tuple[Block, ...]:
    """The blocks of an energy's variables, or none where some variable has no conditional."""
    if program.open or any(not (_finite(v) or _gaussian(v, program)) for v in variables):
        return ()
    shapes = {v.name: v.type.array_shape for v in variables}
    pairs = interactions(program.energies, shapes)
    parts: list[Part] = []
    for variable in variables:
        split = _parts(variable, pairs)
        if split is None:
            return ()
        parts.extend(split)
    return tuple(_block(group, program, pairs) for group in _grouped(parts, program, pairs))


def _finite(variable: Variable) -> bool:
    return variable.type.kind.space == "finite"


def _gaussian(variable: Variable, program: Program) -> bool:
    return variable.type.kind.name == "real" and quadratic(program, variable.name)


def _parts(variable: Variable, pairs: frozenset[Pair]) -> list[Part] | None:
    own = {d for u, v, d in pairs if u == v == variable.name}
    sites = size(variable.type.array_shape).value or 0
    rank = len(variable.type.array_shape)
    if None in own:
        return None
    offsets = [d for d in own if d is not None and any(d)]
    if not offsets:
        return [Part(variable.name, (0,) * rank, 1, 0, sites)]
    sides = numbers(variable.type.array_shape)
    colouring = _colouring(offsets, sides)
    if colouring is None:
        return None
    weights, modulus = colouring
    counts = _counts(weights, modulus, sides)
    return [Part(variable.name, weights, modulus, r, counts[r]) for r in range(modulus)]


def _colouring(offsets: Sequence[Offset], sides: tuple[int, ...]) -> Colouring | None:
    """The smallest modulus with weights that keep interacting sites apart."""
    for modulus in range(2, MOST_COLOURS + 1):
        for weights in product(range(modulus), repeat=len(sides)):
            if _sound(weights, modulus, offsets, sides):
                return weights, modulus
    return None


def _sound(
    weights: tuple[int, ...], modulus: int, offsets: Sequence[Offset], sides: tuple[int, ...]
) -> bool:
    apart = all(sum(w * x for w, x in zip(weights, o, strict=True)) % modulus for o in offsets)
    crossed = [any(o[axis] for o in offsets) for axis in range(len(sides))]
    closed = all(
        (w * side) % modulus == 0 for w, side, c in zip(weights, sides, crossed, strict=True) if c
    )
    return apart and closed


def _counts(weights: tuple[int, ...], modulus: int, sides: tuple[int, ...]) -> list[int]:
    """How many sites each class has: residues of one axis at a time, convolved."""
    counts = [1] + [0] * (modulus - 1)
    for w, side in zip(weights, sides, strict=True):
        axis = [0] * modulus
        for i in range(modulus):
            axis[w * i % modulus] += (side - i + modulus - 1) // modulus  # places i, i + modulus, …
        counts = [
            sum(counts[a] * axis[(r - a) % modulus] for a in range(modulus)) for r in range(modulus)
        ]
    return counts


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


def _multilinear(names: set[str], program: Program, pairs: frozenset[Pair]) -> bool:
    """Degree at most one in each site: a polynomial that never multiplies a site with itself."""
    kinds = [program.variables[n].type.kind for n in names]
    known = all(kind.two_valued or kind.name == "cat" for kind in kinds)
    squared = any(u == v and d is not None and not any(d) for u, v, d in pairs if u in names)
    return (
        known
        and not squared
        and all(degree(e, names, program.nets) < inf for e in program.energies)
    )

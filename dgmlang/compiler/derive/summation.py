"""Whether the normaliser of an energy can be summed within the budget, and how.

Two ways: over joint states, with one Gibbs block in closed form (an RBM costs the states of its
smaller side); and by transfer matrices, where sites interact with the next row at most (Onsager's
lattice, Kramers & Wannier 1941).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2

from dgmlang.compiler.derive.facts import Block, Summation
from dgmlang.compiler.derive.interaction import Pair, interactions
from dgmlang.compiler.derive.remove import BUDGET, states
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers

ROWS = 4
"""With three rows around a periodic boundary, any two are neighbours, and a term may hold all."""


def summation(
    program: Program, variables: Sequence[Variable], blocks: Sequence[Block]
) -> Summation | None:
    """The cheapest exact sum over the energy's variables, or None beyond the budget."""
    if not variables or any(states(v) is None for v in variables):
        return None
    options = [*_by_states(program, variables, blocks), *_by_rows(program, variables)]
    fitting = [option for option in options if option.entries <= BUDGET]
    return min(fitting, key=lambda option: option.entries, default=None)


def _by_states(
    program: Program, variables: Sequence[Variable], blocks: Sequence[Block]
) -> Iterator[Summation]:
    total = sum(states(v) or 0.0 for v in variables)
    levels = {v.name: log2(v.type.kind.levels.value or 1) for v in variables if v.type.kind.levels}
    yield _bounded(total, None)
    for number, block in enumerate(blocks):
        kinds = [program.variables[part.variable].type.kind for part in block.parts]
        if block.rule == "multilinear" and all(kind.two_valued for kind in kinds):
            gone = sum(part.sites * levels[part.variable] for part in block.parts)
            yield _bounded(total - gone, number)


def _bounded(bits: float, removed: int | None) -> Summation:
    # Beyond any budget the exact count does not matter, and would not fit a float.
    entries = round(2 ** min(bits, 100.0))
    return Summation("states", entries, removed)


def _by_rows(program: Program, variables: Sequence[Variable]) -> Iterator[Summation]:
    if len(variables) != 1 or program.open:
        return
    (variable,) = variables
    sides = numbers(variable.type.array_shape)
    pairs = interactions(program.energies, {variable.name: variable.type.array_shape})
    bits = states(variable) or 0.0
    for axis, rows in enumerate(sides):
        if rows >= ROWS and _next_row_only(pairs, axis, rows):
            entries = rows * round(2 ** min(2 * bits / rows, 100.0))
            yield Summation("rows", entries, None, variable.name, axis)


def _next_row_only(pairs: frozenset[Pair], axis: int, rows: int) -> bool:
    return all(d is not None and d[axis] % rows in (0, 1, rows - 1) for _, _, d in pairs)

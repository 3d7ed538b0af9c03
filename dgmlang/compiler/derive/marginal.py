"""Finite data of an energy that chains of the continuous ones sum out, and then draw exactly."""

from __future__ import annotations

from collections.abc import Sequence

from dgmlang.compiler.derive.facts import Block, Bounded, Removal, Witness
from dgmlang.compiler.derive.remove import few, states
from dgmlang.compiler.program import EnergyLaw, Program


def marginalised_in_chains(
    program: Program, bounded: Sequence[Bounded], blocks: Sequence[Block]
) -> tuple[Removal, ...]:
    """The removals that leave a density of continuous data alone; none where that is not needed.

    A step along a gradient would move a class as if it were a real. Where only the finite
    variables have conditionals and their joint states are few, a chain runs on the marginal law of
    the others, and the finite ones are drawn given its last state.
    """
    data = [v for v in program.having("data") if isinstance(v.law, EnergyLaw)]
    finite = [v for v in data if v.type.kind.space == "finite"]
    needed = bool(finite) and len(finite) < len(data) and not blocks
    if not needed or bounded or program.open or not few(finite):
        return ()
    joint = round(2 ** sum(states(v) or 0.0 for v in finite))
    text = f"chains sum over its {joint} joint states, and draw it given the others"
    return tuple(Removal(v.name, "sum", Witness("sum", text, v.span), joint) for v in finite)

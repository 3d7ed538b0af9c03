"""Which data variables a program can be trained to tell from the others: `discriminate(y)`."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.derive.remove import few, states
from dgmlang.compiler.program import ComputedLaw, Program, Variable
from dgmlang.compiler.walk import behind

GUIDE, EXACT = "guide", "exact"
"""Whose law of a class is meant: the guide's q(y | …), or the model's own p(y | the other data)."""


def classified(program: Program, marginal: str) -> Mapping[str, str]:
    """Each finite data variable that has a conditional law given the other data, and whose it is.

    The guide's, where it draws y from nothing that it draws itself; else the model's, where the
    `marginal` density of all data is exact and the states of y are few: a normaliser that nobody
    knows is the same for each of them, and cancels.
    """
    data = program.having("data")
    if len(data) < 2:
        return {}
    finite = (v for v in data if v.type.kind.space == "finite" and not v.type.varying)
    found = {v.name: _whose(v, program, marginal) for v in finite}
    return {name: whose for name, whose in found.items() if whose is not None}


def _whose(y: Variable, program: Program, marginal: str) -> str | None:
    laws = program.guide.laws if program.guide else {}
    law = laws.get(y.name)
    drawn = law is not None and not isinstance(law, ComputedLaw)
    if drawn and not behind(law, program).keys() & laws.keys():
        return GUIDE
    open_still = states(y) is None  # judged again once the dimensions have values
    return EXACT if marginal == "exact" and (open_still or few([y])) else None

"""Greys as numbers: where a number is wanted, level k of K stands for k/(K − 1)."""

from __future__ import annotations

from collections.abc import Sequence

from dgmlang.compiler.library import library
from dgmlang.compiler.program import Apply, Expr, Literal, Open, Stage
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import REAL, UNIT, Type


def as_number(value: Expr) -> Expr:
    """A grey divided by its highest level, of kind `unit`; any other value as it is."""
    levels = value.type.kind.levels
    if value.type.kind.name != "grey" or levels is None:
        return value
    highest, span = levels - Dim.of(1), value.span
    scale = (
        Open(str(highest), type=Type(REAL), span=span)
        if highest.value is None
        else Literal(max(highest.value, 1), type=Type(REAL), span=span)
    )
    divide = library().externs["fn"]["divide"]
    return Apply(divide, (value, scale), {}, type=Type(UNIT, value.type.shape), span=span)


def alike(values: Sequence[Expr]) -> tuple[Expr, ...]:
    """Values that become one array: greys beside other numbers are numbers too."""
    if len({value.type.kind for value in values}) == 1:
        return tuple(values)
    return tuple(as_number(value) for value in values)


def for_stages(value: Expr, stages: Sequence[Stage]) -> Expr:
    """The input of a chain: a number, unless a stage that takes classes comes first (`embed`)."""
    return as_number(value) if _wants_numbers(stages) else value


def _wants_numbers(stages: Sequence[Stage]) -> bool:
    for stage in stages:
        if stage.body is not None and _wants_numbers(stage.body.stages):
            return True
        wanted = "any" if stage.extern.source is None else stage.extern.source.kind
        if wanted != "any" and stage.body is None:
            return wanted != "cat"
    return False

"""A value where a kind is wanted: taken as it is, held against the kind at run time, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dgmlang.compiler.program import Checked, Expr, Literal, Stack
from dgmlang.compiler.types.greys import as_number
from dgmlang.compiler.types.kinds import ARRAYS, Interval, Kind, Type, of_interval, offers
from dgmlang.compiler.types.literals import as_array, entries_of


def held(value: Expr, wanted: Kind, where: str, *, ends: bool = False) -> Expr | None:
    """The value as one of the wanted kind; None where it is provably none.

    A grey becomes a number where one is wanted. A value that may lie outside is `Checked`; where
    it cannot, nothing is added. `ends`: whether the ends of an open interval are allowed too, as a
    function's limits are.
    """
    if wanted.name in ARRAYS:
        value = as_array(value, wanted.name, where) or value
    value = value if wanted.interval is None else as_number(entries_of(value))
    found, interval = offers(value.type.kind, wanted), wanted.interval
    if found is not None or interval is None:
        return value if found else None
    if wanted.space == "finite":
        return value  # a literal, and one of the kind's values
    interval = replace(interval, open_low=interval.open_low and not ends)
    entries = list(_entries(value))
    if any(entry.misses(interval) for entry in entries):
        return None
    if all(entry in interval for entry in entries):
        return value
    type_ = Type(of_interval(interval), value.type.shape)
    return Checked(value, interval, str(wanted), where, type=type_, span=value.span)


def _entries(value: Expr) -> Iterator[Interval]:
    """The intervals of a value's entries, as far as they are known one by one."""
    if isinstance(value, Stack):
        for item in value.items:
            yield from _entries(item)
    elif isinstance(value, Literal):
        yield from _numbers(value.value)
    elif value.type.kind.interval is not None:
        yield value.type.kind.interval


def _numbers(value: Any) -> Iterator[Interval]:
    for entry in value if isinstance(value, tuple) else ():
        yield from _numbers(entry)
    if not isinstance(value, tuple):
        yield Interval(float(value), float(value))

"""Sequences of different lengths: from lists, or an array with lengths, to one array with marks.

While data are on the host, ∞ stands behind the end of each, in floats; `conform.storable` gives
every kind its own mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Repeated, Variable
from dgmlang.runtime.places import entry

Lengths = np.ndarray
"""How many entries each example has, [n]."""


def sequences(value: Any) -> tuple[np.ndarray, Lengths] | None:
    """An array [n, longest, …] and lengths; None where the value is neither way to say them.

    A list of arrays that differ in their first axis, or a pair of an array and lengths.
    """
    if not isinstance(value, list | tuple):
        return None
    return _pair(value) or _listed(value)


def _pair(value: Sequence[Any]) -> tuple[np.ndarray, Lengths] | None:
    if len(value) != 2:
        return None
    array, lengths = map(_plain, value)
    if array is None or lengths is None:
        return None
    fits = array.ndim >= 2 and lengths.ndim == 1 and lengths.dtype.kind in "iu"
    return (array, lengths) if fits and len(array) == len(lengths) else None


def _plain(value: Any) -> np.ndarray | None:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biuf" else None


def _listed(value: Sequence[Any]) -> tuple[np.ndarray, Lengths] | None:
    rows = [_plain(row) for row in value]
    known = [row for row in rows if row is not None and row.ndim > 0]
    rests = {row.shape[1:] for row in known if row.size}
    if len(known) < len(value) or len(rests) != 1 or len({len(row) for row in known}) < 2:
        return None
    lengths = np.array([len(row) for row in known])
    array = np.full((len(known), lengths.max(), *rests.pop()), np.nan)
    for place, row in enumerate(known):
        if row.size:
            array[place, : len(row)] = row
    return array, lengths


def marked(
    variable: Variable,
    array: np.ndarray,
    lengths: Lengths | None,
    place: str,
    *,
    classed: bool = True,
) -> np.ndarray:
    """The array of a variable of varying length with ∞ behind the ends, as long as its type says.

    Without lengths an example ends where only NaN follows or, if it is `classed`, the class V of
    `cat(V)`.

    Raises:
        DgmError: DGM0531 where an example is longer than the variable may be, DGM0517 where it
            holds an infinite number.
    """
    if array.ndim < 2:
        return array  # of a wrong shape, which is said elsewhere
    found = _lengths(variable, array, classed=classed) if lengths is None else lengths
    greatest = variable.type.array_shape[0].value or max(int(found.max()), 1)
    for row in np.flatnonzero((found > greatest) | (found < 0) | (found > array.shape[1])):
        raise DgmError(
            codes.too_long(variable.span, variable.name, int(row), int(found[row]), greatest, place)
        )
    result = np.full((len(array), greatest, *array.shape[2:]), np.inf)
    taken = min(greatest, array.shape[1])
    inside, array = np.arange(taken) < found[:, None], array[:, :taken]
    infinite = np.isinf(array) & inside.reshape(*inside.shape, *(1,) * (array.ndim - 2))
    if infinite.any():
        value, at = entry(variable.name, array, infinite)
        said = variable.span, variable.name, value, at, place
        raise DgmError(codes.missing_value(*said, inferred=False))
    result[:, :taken][inside] = array[inside]
    return result


def _lengths(variable: Variable, array: np.ndarray, *, classed: bool) -> Lengths:
    """Where each example ends, by what stands at its last places."""
    kind = variable.type.kind
    filling = np.isposinf(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    if array.dtype.kind == "f" and not variable.type.may_miss:
        filling |= np.isnan(array)
    if classed and kind.name == "cat" and kind.levels is not None:
        filling |= array == kind.levels.value
    return array.shape[1] - _trailing(filling).sum(axis=1)


def behind(variable: Variable, array: np.ndarray) -> np.ndarray:
    """Where an array stands behind an end, entry by entry."""
    if not variable.type.varying or array.ndim < 2 or array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    rows = _trailing(np.isposinf(array))
    return np.broadcast_to(rows.reshape(*rows.shape, *(1,) * (array.ndim - 2)), array.shape)


def _trailing(filling: np.ndarray) -> np.ndarray:
    """The rows [n, T] of each example from which on all is filling."""
    rows = np.all(filling.reshape(*filling.shape[:2], -1), axis=2)
    return np.logical_and.accumulate(rows[:, ::-1], axis=1)[:, ::-1]


def check_together(
    variables: Sequence[Variable], arrays: Mapping[str, np.ndarray], place: str
) -> None:
    """DGM0532 where variables of one loop `0..len(x)` differ in their lengths."""
    for variable in variables:
        law = variable.law
        over = law.loops[0].over if isinstance(law, Repeated) else None
        owner = next((v for v in variables if v.name == over), None)
        if owner is None or owner is variable or not {variable.name, owner.name} <= arrays.keys():
            continue
        counts = [(~_trailing(np.isposinf(arrays[v.name]))).sum(axis=1) for v in (variable, owner)]
        for row in np.flatnonzero(counts[0] != counts[1]):
            lengths = int(counts[0][row]), int(counts[1][row])
            raise DgmError(
                codes.other_length(
                    variable.span, (variable.name, owner.name), int(row), lengths, place
                )
            )


def shown(array: np.ndarray) -> np.ndarray:
    """Draws as users see them: NaN behind an end of floats."""
    if array.dtype.kind != "f" or not np.isposinf(array).any():
        return array
    return np.where(np.isposinf(array), np.nan, array)

"""Holds arrays against the types of their variables: shapes, kinds, ranges, missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.lower.missing import ABSENT
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers, show
from dgmlang.compiler.types.kinds import Interval
from dgmlang.runtime import sizes
from dgmlang.runtime.blocks import somewhere
from dgmlang.runtime.places import entry

SUM_TOLERANCE = 1e-4
"""How far the entries of a simplex may sum from 1: rounding in single precision, with room."""


def conform(
    variables: Sequence[Variable], arrays: Mapping[str, np.ndarray], place: str
) -> tuple[Diagnostic, ...]:
    """Check arrays, as the model will see them, against programs without open dimensions.

    Returns:
        Warnings.

    Raises:
        DgmError: DGM0512, DGM0516 or DGM0517; one finding a variable.
    """
    pairs = [(v, arrays[v.name]) for v in variables if v.name in arrays]
    found = [_shape(v, a, place) or _finite(v, a, place) or _values(v, a, place) for v, a in pairs]
    errors = [diagnostic for diagnostic in found if diagnostic is not None]
    if errors:
        raise DgmError(errors)
    return tuple(
        codes.integers_as_density(v.span, v.name, place) for v, a in pairs if _points(v, a)
    )


def finite(variables: Sequence[Variable], arrays: Mapping[str, np.ndarray], place: str) -> None:
    """DGM0517 where a value is missing that may not be: before anything is fitted to it."""
    found = [_finite(v, arrays[v.name], place) for v in variables if v.name in arrays]
    errors = [diagnostic for diagnostic in found if diagnostic is not None]
    if errors:
        raise DgmError(errors)


def storable(variable: Variable, array: np.ndarray, prepared: bool) -> np.ndarray:
    """The array in the type that it has on the device.

    What is prepared keeps bytes and integers, which take less room; the first step widens them.
    """
    if variable.type.kind.name in ("cat", "grey", "byte", "count") and not prepared:
        return (np.nan_to_num(array, nan=ABSENT) if variable.type.may_miss else array).astype(
            np.int32
        )
    if prepared and array.dtype.kind in "bui" and array.dtype.itemsize <= 4:
        return array
    return array.astype(np.float32)


def _shape(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    expected, found = numbers(variable.type.array_shape), array.shape[1:]
    if expected == found:
        return None
    return codes.wrong_shape(
        variable.span, variable.name, show(variable.type.array_shape), found,
        _reshape(variable.name, expected, array.shape), sizes.settings(variable, found), place,
    )  # fmt: skip


def _reshape(name: str, expected: tuple[int, ...], whole: tuple[int, ...]) -> str | None:
    """The reshape that is likely meant; it is never done unasked."""
    found = whole[1:]
    if whole == expected:
        return f"add the axis of examples: `{name}[None]`"
    if prod(found) != prod(expected):
        return None
    if len(expected) == 1:
        return f"prepare {name} = flatten({name})"
    return f"reshape the data: `{name}.reshape(-1, {', '.join(map(str, expected))})`"


def _finite(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    if array.dtype.kind != "f":
        return None
    wrong = np.isinf if variable.type.may_miss else _not_finite
    if not somewhere(wrong, array):
        return _partly_missing(variable, array, place)
    return codes.missing_value(
        variable.span, variable.name, *entry(variable.name, array, wrong(array)), place
    )


def _partly_missing(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    """An example that lacks some entries of a variable that may only be missing as a whole."""
    if not variable.type.optional or variable.type.entry_optional or array.ndim < 2:
        return None
    gone = np.isnan(array)
    whole = gone.all(axis=tuple(range(1, array.ndim)), keepdims=True)
    if not (gone & ~whole).any():
        return None
    _, at = entry(variable.name, array, gone & ~whole)
    return codes.partly_missing(variable.span, variable.name, str(variable.type), at, place)


def blanks(
    variables: Sequence[Variable], arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Arrays for variables that the data leave out altogether, missing in every example."""
    count = len(next(iter(arrays.values()))) if arrays else 0
    return {
        v.name: np.full((count, *numbers(v.type.array_shape)), np.nan)
        for v in variables
        if v.type.optional and v.name not in arrays
    }


def _not_finite(array: np.ndarray) -> np.ndarray:
    return ~np.isfinite(array)


def _values(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    def wrong(part: np.ndarray) -> np.ndarray:
        return _outside(variable, part)[1] & ~np.isnan(part)

    if not somewhere(wrong, array):
        return None
    words, _ = _outside(variable, array)
    found, at = entry(variable.name, array, wrong(array))
    advice = _advice(variable, array)
    return codes.wrong_value(variable.span, variable.name, words, found, at, advice, place)


def _outside(variable: Variable, array: np.ndarray) -> tuple[str, np.ndarray]:
    """What the kind's values are, and where the array has others."""
    kind = variable.type.kind
    interval = kind.interval
    match kind.name:
        case "bit":
            return "0 or 1", (array != 0) & (array != 1)
        case "spin":
            return "−1 or 1", (array != -1) & (array != 1)
        case "cat" | "grey" | "byte":
            levels = 256 if kind.levels is None else kind.levels.value or 0
            wrong = (array < 0) | (array >= levels) | (array != np.round(array))
            return f"a whole number from 0 to {levels - 1}", wrong
        case "count":
            return "a whole number from 0", (array < 0) | (array != np.round(array))
        case "simplex":
            off = np.abs(array.sum(-1, keepdims=True) - 1) > SUM_TOLERANCE
            return "entries from 0 that sum to 1", (array < 0) | off
    if interval is None:
        return "any number", np.zeros(array.shape, bool)
    return _interval_words(interval), _beyond(interval, array)


def _beyond(interval: Interval, array: np.ndarray) -> np.ndarray:
    low = array <= interval.low if interval.open_low else array < interval.low
    return low | (array > interval.high)


def _interval_words(interval: Interval) -> str:
    if np.isinf(interval.high):
        return f"a number above {interval.low:g}"
    return f"a number from {interval.low:g} to {interval.high:g}"


def _advice(variable: Variable, array: np.ndarray) -> str | None:
    """What would bring common data to the declared kind."""
    name, kind = variable.name, variable.type.kind.name
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    whole = bool(np.all(array == np.round(array)))
    match kind:
        case "bit" if (low, high) == (-1, 1) and whole:
            return f"prepare {name} = ({name} + 1) / 2"
        case "bit" if low >= 0 and high <= 1:
            return f"prepare {name} = bernoulli({name})"
        case "bit" if low >= 0 and high > 2 and whole:
            return f"prepare {name} = bernoulli({name} / {high:g})"
        case "spin" if (low, high) == (0, 1) and whole:
            return f"prepare {name} = 2 * {name} - 1"
        case "unit" if low >= 0 and whole:
            return f"prepare {name} = {name} / {high:g}"
        case "cat" | "grey" if whole and low >= 0:
            return f"declare `{name}` as `{kind}({high + 1:g})`"
    return None


def _points(variable: Variable, array: np.ndarray) -> bool:
    """Whether a continuous variable of the model's law was given whole numbers only."""
    if variable.role != "data" or variable.type.kind.name not in ("real", "positive", "interval"):
        return False
    return not somewhere(_between, array) and float(array.min()) < float(array.max())


def _between(array: np.ndarray) -> np.ndarray:
    """Where a value has a fraction, or is so large that its type could not hold one."""
    if array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    beyond = 2 / np.finfo(array.dtype).eps  # 2²⁴ in single precision
    return (array != np.round(array)) | (np.abs(array) >= beyond)

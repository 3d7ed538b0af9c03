"""Holds arrays against the types of their variables: shapes, kinds, ranges, missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.lower.domains import INTEGERS
from dgmlang.compiler.lower.lengths import mark
from dgmlang.compiler.lower.missing import ABSENT
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers, show
from dgmlang.compiler.types.kinds import Interval
from dgmlang.prepare.channels import GREY
from dgmlang.runtime import sizes
from dgmlang.runtime.blocks import Blocks, somewhere
from dgmlang.runtime.places import entry
from dgmlang.runtime.sequences import behind

SUM_TOLERANCE = 1e-4
"""How far the entries of a simplex may sum from 1: rounding in single precision, with room."""


def conform(
    variables: Sequence[Variable], arrays: Mapping[str, Blocks], place: str
) -> tuple[Diagnostic, ...]:
    """Check arrays, as the model will see them, against programs without open dimensions.

    Each is made once, a block at a time, and whole only to say what is wrong with it.

    Returns:
        Warnings.

    Raises:
        DgmError: DGM0512, DGM0516 or DGM0517; one finding a variable.
    """
    errors, warnings = [], []
    for variable in variables:
        if variable.name in arrays:
            array = arrays[variable.name]
            points = Points()
            error = _shape(variable, array.shape, place)
            if error is None and not all(_sound(variable, b, points) for b in array):
                whole = array.whole()
                error = _finite(variable, whole, place) or _values(variable, whole, place)
            if error is not None:
                errors.append(error)
            elif points.found and _is_density(variable):
                warnings.append(codes.integers_as_density(variable.span, variable.name, place))
    if errors:
        raise DgmError(errors)
    return tuple(warnings)


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
    kind = variable.type.kind
    if kind.name in INTEGERS and not prepared:
        if variable.type.may_miss:
            array = np.where(np.isnan(array), ABSENT, array)
        return np.where(behind(variable, array), mark(kind), array).astype(np.int32)
    if prepared and array.dtype.kind in "bui" and array.dtype.itemsize <= 4:
        return array
    return array.astype(np.dtype(jnp.result_type(float)))


def _sound(variable: Variable, block: np.ndarray, points: Points) -> bool:
    """Whether a block holds what the variable may be; `points` looks at it too."""
    points.look(block)
    faults = (_missing, _partial, _wrong)
    return not any(where(variable, block).any() for where in faults)


def _shape(variable: Variable, whole: tuple[int, ...], place: str) -> Diagnostic | None:
    expected, found = numbers(variable.type.array_shape), whole[1:]
    if expected == found:
        return None
    shared = variable.role == "shared"
    advice = None if shared else _reshape(variable.name, expected, whole)
    return codes.wrong_shape(
        variable.span, variable.name, expected_shape(variable), found, advice,
        sizes.settings(variable, found), place,
    )  # fmt: skip


def expected_shape(variable: Variable) -> str:
    """The shape that a variable's values have, for people."""
    shown = show(variable.type.array_shape)
    return shown if variable.role == "shared" else f"{shown} in each example"


def _reshape(name: str, expected: tuple[int, ...], whole: tuple[int, ...]) -> str | None:
    """The reshape that is likely meant; it is never done unasked."""
    found = whole[1:]
    if whole == expected:
        return f"add the axis of examples: `{name}[None]`"
    if prod(found) != prod(expected):
        return None
    if len(expected) == 1:
        return f"prepare {name} = flatten({name})"
    if expected == (*found, 1) and len(found) == GREY:
        return f"prepare {name} = channels({name})"
    return f"reshape the data: `{name}.reshape(-1, {', '.join(map(str, expected))})`"


def _finite(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    if not somewhere(partial(_missing, variable), array):
        return _partly_missing(variable, array, place)
    where = _missing(variable, array)
    found, at = entry(variable.name, array, where)
    inferred = variable.role != "given"
    return codes.missing_value(variable.span, variable.name, found, at, place, inferred=inferred)


def _partly_missing(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    """An example that lacks some entries of a variable that may only be missing as a whole."""
    if not somewhere(partial(_partial, variable), array):
        return None
    _, at = entry(variable.name, array, _partial(variable, array))
    return codes.partly_missing(variable.span, variable.name, str(variable.type), at, place)


def _partial(variable: Variable, array: np.ndarray) -> np.ndarray:
    """Where an entry is missing that may only be missing together with its whole example."""
    last = array.ndim - 1 if variable.type.optional else variable.type.together
    if last < 1 or array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    gone = np.isnan(array)
    return gone & ~gone.all(axis=tuple(range(array.ndim - last, array.ndim)), keepdims=True)


def _missing(variable: Variable, array: np.ndarray) -> np.ndarray:
    """Where a value is missing, or infinite, that may not be."""
    if array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    wrong = np.isinf(array) if variable.type.may_miss else ~np.isfinite(array)
    return wrong & ~behind(variable, array)


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


def _values(variable: Variable, array: np.ndarray, place: str) -> Diagnostic | None:
    words, _ = _outside(variable, array[:1])
    found, at = entry(variable.name, array, _wrong(variable, array))
    return codes.wrong_value(
        variable.span, variable.name, words, found, at, _advice(variable, array), place
    )


def _wrong(variable: Variable, array: np.ndarray) -> np.ndarray:
    """Where a value is there that is none of the kind's."""
    return _outside(variable, array)[1] & ~np.isnan(array) & ~behind(variable, array)


def _outside(variable: Variable, array: np.ndarray) -> tuple[str, np.ndarray]:
    """What the kind's values are, and where the array has others."""
    kind = variable.type.kind
    interval = kind.interval
    match kind.name:
        case "bit":
            return "0 or 1", (array != 0) & (array != 1)
        case "spin":
            return "−1 or 1", (array != -1) & (array != 1)
        case "cat" | "grey" | "count" if kind.levels is not None:
            levels = kind.levels.value or 0
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
    if np.isinf(interval.low):
        return f"a number up to {interval.high:g}"
    if np.isinf(interval.high):
        return f"a number {'above' if interval.open_low else 'from'} {interval.low:g}"
    return f"a number from {interval.low:g} to {interval.high:g}"


def _advice(variable: Variable, array: np.ndarray) -> str | None:
    """What would bring common data to the declared kind."""
    name, kind = variable.name, variable.type.kind.name
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    whole = bool(np.all(array == np.round(array)))
    match kind:
        case "count" if variable.type.kind.levels is not None and whole and low >= 0:
            return f"declare `{name}` as `count({high:g})`"
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


def _is_density(variable: Variable) -> bool:
    """Whether the variable is a continuous one of the model's law."""
    return variable.role == "data" and variable.type.kind.name in ("real", "positive", "interval")


@dataclass
class Points:
    """Whether all values seen were whole numbers, and not all of them the same."""

    whole: bool = True
    low: float = np.inf
    high: float = -np.inf

    def look(self, block: np.ndarray) -> None:
        """See one more block."""
        if self.whole and not _between(block).any():
            self.low = min(self.low, float(block.min()))
            self.high = max(self.high, float(block.max()))
        else:
            self.whole = False

    @property
    def found(self) -> bool:
        return self.whole and self.low < self.high


def _between(array: np.ndarray) -> np.ndarray:
    """Where a value has a fraction, or is so large that its type could not hold one."""
    if array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    beyond = 2 / np.finfo(array.dtype).eps  # 2²⁴ in single precision
    return (array != np.round(array)) | (np.abs(array) >= beyond)

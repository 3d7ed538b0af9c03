"""Givens with one value for the data set: where they come from, and what they have to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import data as data_codes
from dgmlang.compiler.diagnostics.codes import shared as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Variable
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.conform import conform, finite, storable
from dgmlang.runtime.data import Dataset, as_numbers, read

SHARED = "shared"
"""The part of a run folder that holds them."""

PLACE = "given"
"""What messages call the keyword."""


def merged(
    variables: Sequence[Variable], dataset: Dataset, given: Mapping[str, Any] | None
) -> Dataset:
    """The data set with the values that `given` adds (DGM0508, DGM0531, DGM0540)."""
    known = [variable.name for variable in variables]
    for name in given or {}:
        if name not in known:
            raise DgmError(data_codes.unknown_column(name, known, PLACE))
    own = {**dataset.shared, **{n: as_array(n, value) for n, value in (given or {}).items()}}
    lost = [codes.missing(v.span, v.name) for v in variables if v.name not in own]
    if lost:
        raise DgmError(lost)
    return replace(dataset, shared=own)


def as_array(name: str, value: Any) -> np.ndarray:
    """A value, or the file where it is."""
    if not isinstance(value, str | Path):
        return as_numbers(value, f"`{name}`")
    found = read(value, shared=(name,))
    return found.shared.get(name, next(iter(found.arrays.values()), np.zeros(0)))


def as_examples(arrays: Mapping[str, np.ndarray]) -> dict[str, Blocks]:
    """Each value as the only one of its variable, so that it is looked at as examples are."""
    return {name: Blocks.of(np.asarray(array)[None]) for name, array in arrays.items()}


def checked(
    variables: Sequence[Variable], arrays: Mapping[str, np.ndarray], place: str
) -> dict[str, np.ndarray]:
    """The values as they go to the device, held against their types (DGM0512, DGM0516, DGM0517)."""
    brought = {v.name: np.asarray(arrays[v.name])[None] for v in variables if v.name in arrays}
    finite(variables, brought, place)
    conform(variables, {name: Blocks.of(array) for name, array in brought.items()}, place)
    known = {v.name: v for v in variables}
    return {name: storable(known[name], array[0], False) for name, array in brought.items()}


def require_same(
    variables: Sequence[Variable], found: Mapping[str, np.ndarray], held: Mapping[str, Any]
) -> None:
    """DGM0541 where later data bring other values than those that a fit holds."""
    for variable in (v for v in variables if v.name in found):
        own = np.asarray(held[variable.name])
        other = np.asarray(found[variable.name])
        if other.shape != own.shape or not np.array_equal(other.astype(own.dtype), own):
            raise DgmError(codes.changed(variable.span, variable.name))

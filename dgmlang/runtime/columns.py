"""Which columns of a table are which variable, and the labels whose levels a variable has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import reading, tables
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Variable
from dgmlang.runtime.data import Dataset, number, read

LABELLED = ("cat", "bit")
"""Kinds whose values may be labels: one a level."""


@dataclass(frozen=True)
class Columns:
    """`names`: the column of a variable, or the columns of a vector. `labels`: by level, sorted."""

    names: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fit(
        self, source: Any, variables: Sequence[Variable], weight: str | None = None
    ) -> tuple[Dataset, Columns]:
        """Training data by variable, and these columns with the labels that were found.

        `weight` names one more column, which is left as it is. Where no columns are named the data
        are read as they are. What is `shared` has no axis of examples and comes apart.

        Raises:
            DgmError: DGM0503, DGM0527, DGM0528, DGM0530.
        """
        apart = _shared(variables)
        if not self.names:
            return read(source, shared=apart), self
        self._known(variables)

        def chosen(found: Sequence[str], place: str) -> list[str]:
            for name in self._wanted():
                if name not in found:
                    raise DgmError(tables.no_such_column("columns", name, found, place))
            own = [v.name for v in variables if v.name not in self.names and v.name in found]
            return [*self._wanted(), *own, *(name for name in found if name == weight)]

        dataset = read(source, chosen, shared=apart)
        labels: dict[str, tuple[str, ...]] = {}
        found = self._arrays(dataset, variables, labels, fitting=True)
        if weight is not None and weight in dataset.arrays:
            found[weight] = _numbers(dataset.arrays[weight], weight, dataset.place)
        return replace(dataset, arrays=found, table=False), replace(self, labels=labels)

    def read(self, source: Any, variables: Sequence[Variable]) -> Dataset:
        """Later data by variable: a table's columns, or arrays under the variables' own names.

        Raises:
            DgmError: DGM0529 for a label that the training data did not have, else as `fit`.
        """
        apart = _shared(variables)
        if not self.names or isinstance(source, Dataset):
            return read(source, shared=apart)
        wanted = {*self._wanted(), *(v.name for v in variables)}

        def chosen(found: Sequence[str], place: str) -> list[str]:
            return [name for name in found if name in wanted]

        dataset = read(source, chosen, arrays=True, shared=apart)
        found = self._arrays(dataset, variables, dict(self.labels), fitting=False)
        return replace(dataset, arrays=found or dataset.arrays, table=False)

    def shown(self, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draws with their labels in the place of levels."""
        return {
            name: np.array(self.labels[name])[array.astype(int)] if name in self.labels else array
            for name, array in drawn.items()
        }

    def _wanted(self) -> list[str]:
        return [name for names in self.names.values() for name in _listed(names)]

    def _known(self, variables: Sequence[Variable]) -> None:
        known = [variable.name for variable in variables]
        for name in self.names:
            if name not in known:
                raise DgmError(tables.no_such_variable(name, known))

    def _arrays(
        self,
        dataset: Dataset,
        variables: Sequence[Variable],
        labels: dict[str, tuple[str, ...]],
        fitting: bool,
    ) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for variable in variables:
            names = self.names.get(variable.name, variable.name)
            if not all(name in dataset.arrays for name in _listed(names)):
                names = variable.name
            if isinstance(names, tuple):
                parts = [_numbers(dataset.arrays[n], n, dataset.place) for n in names]
                found[variable.name] = np.stack(parts, axis=1)
            elif names in dataset.arrays:
                column = dataset.arrays[names], names
                found[variable.name] = _levels(variable, column, dataset.place, labels, fitting)
        return found


def _shared(variables: Sequence[Variable]) -> frozenset[str]:
    return frozenset(v.name for v in variables if v.role == "shared")


def columns(written: Mapping[str, Any] | str | None) -> Columns:
    """Columns as people write them: `{"x": ["age", "bmi"], "y": "label"}`, `"x=age,bmi y=label"`.

    Raises:
        DgmError: DGM0530.
    """
    if isinstance(written, str):
        written = dict(map(_assignment, written.split()))
    names: dict[str, str | tuple[str, ...]] = {}
    for variable, value in (written or {}).items():
        listed = (value,) if isinstance(value, str) else tuple(value)
        if not listed or not all(isinstance(name, str) and name for name in listed):
            raise DgmError(tables.no_columns(str(variable)))
        names[variable] = value if isinstance(value, str) else listed
    return Columns(names)


def _assignment(text: str) -> tuple[str, str | tuple[str, ...]]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise DgmError(tables.no_columns(text))
    return name, tuple(value.split(",")) if "," in value else value


def _listed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _numbers(column: np.ndarray, name: str, place: str) -> np.ndarray:
    """A column as numbers (DGM0503 where one of its entries is none)."""
    if column.dtype.kind != "O":
        return column
    values = [number(text) for text in column]
    for row, value in enumerate(values):
        if value is None:
            raise DgmError(reading.text_entry(place, row, name, column[row]))
    return np.array(values, np.float64)


def _levels(
    variable: Variable,
    column: tuple[np.ndarray, str],
    place: str,
    labels: dict[str, tuple[str, ...]],
    fitting: bool,
) -> np.ndarray:
    """A column as numbers; where it holds labels, as the places of these among `labels`."""
    texts, name = column
    labelled = variable.type.kind.name in LABELLED and not variable.type.array_shape
    if texts.dtype.kind != "O" or not labelled:
        return _numbers(texts, name, place)
    if fitting:
        if all(number(text) is not None for text in texts):
            return _numbers(texts, name, place)
        labels[variable.name] = tuple(sorted({t for t in texts if not _missing(t)}))
    if variable.name not in labels:
        return _numbers(texts, name, place)
    known = {label: float(level) for level, label in enumerate(labels[variable.name])}
    for row, text in enumerate(texts):
        if not _missing(text) and text not in known:
            raise DgmError(tables.unknown_label(name, text, row, known, place))
    return np.array([known.get(text, np.nan) for text in texts])


def _missing(text: str) -> bool:
    value = number(text)
    return value is not None and np.isnan(value)

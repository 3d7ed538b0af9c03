"""Data as people have them (arrays, frames, files, built-in names) as arrays by name."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import reading as codes
from dgmlang.compiler.diagnostics.codes import tables
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime import builtin
from dgmlang.runtime.sequences import sequences

NAMELESS = ""
"""The name of an array that came without one."""

MISSING = frozenset({"", "na", "nan", "n/a", "null", "none", "?"})


@dataclass(frozen=True)
class Dataset:
    """Arrays with a leading axis of examples, and where they are from.

    `table`: its arrays are the columns of a table. `builtin`: not the user's own, so columns that
    no variable names may be left out. `weights`: of the examples, None where each counts one.
    `lengths`: of the sequences in each array that came with them, or as a list of arrays.
    `shared`: arrays without an axis of examples, one for the data set.
    """

    arrays: Mapping[str, np.ndarray]
    place: str
    table: bool = False
    builtin: bool = False
    weights: np.ndarray | None = None
    lengths: Mapping[str, np.ndarray] = field(default_factory=dict)
    shared: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of examples."""
        return len(next(iter(self.arrays.values())))

    def rows(self, chosen: np.ndarray) -> Dataset:
        """These examples alone."""
        arrays = {name: array[chosen] for name, array in self.arrays.items()}
        weights = None if self.weights is None else self.weights[chosen]
        lengths = {name: found[chosen] for name, found in self.lengths.items()}
        return replace(self, arrays=arrays, weights=weights, lengths=lengths)

    def parted(self, names: Collection[str]) -> Dataset:
        """The arrays of these names, which are no table's columns, as what all examples share."""
        own = {n: a for n, a in self.arrays.items() if n in names and not self.table}
        rest = {n: a for n, a in self.arrays.items() if n not in own}
        return replace(self, arrays=rest, shared=own) if own else self


Chosen = Callable[[Sequence[str], str], Sequence[str]]
"""(names of all columns, place) → the columns to read, whose entries may be text."""


def read(
    source: Any,
    chosen: Chosen | None = None,
    *,
    arrays: bool = False,
    shared: Collection[str] = (),
) -> Dataset:
    """Read data.

    Args:
        source: an array (NumPy, JAX or what NumPy understands), a data frame, a mapping from names
            to arrays, a path (`.npy`, `.npz` whose keys are variables, `.csv`), or the name of a
            built-in data set.
        chosen: which columns to read, of data with names; text stays, as objects of strings.
        arrays: whether one array without a name may come although `chosen` is given.
        shared: names of arrays that have no axis of examples.

    Raises:
        DgmError: DGM0501 to DGM0506; DGM0530 where columns are chosen of data without names.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | Path):
        found = _named(str(source), chosen)
    elif isinstance(source, Mapping):
        found = _mapping(source, chosen, shared)
    elif hasattr(source, "columns") and hasattr(source, "to_numpy"):
        found = _frame(source, chosen)
    else:
        found = _one(source)
    if chosen is not None and NAMELESS in found.arrays and not arrays:
        raise DgmError(tables.nameless(found.place))
    found = found.parted(shared)
    for name, array in found.arrays.items():
        if array.ndim == 0:
            raise DgmError(codes.not_numbers(name or found.place, f"the single number {array}"))
        if array.shape[0] == 0:
            raise DgmError(codes.no_examples(found.place))
    if not found.arrays and not found.shared:
        raise DgmError(codes.no_examples(found.place))
    return found


def _named(name: str, chosen: Chosen | None) -> Dataset:
    if name in builtin.NAMES:
        return Dataset(builtin.dataset(name), f"{name} (built in)", builtin=True)
    readers = {".npy": _npy, ".npz": _npz, ".csv": partial(_csv, chosen=chosen)}
    reader = readers.get(Path(name).suffix.lower())
    if reader is None:
        raise DgmError(codes.unknown_dataset(name, builtin.NAMES))
    try:
        return reader(Path(name))
    except OSError as error:
        reason = (error.strerror or "the file is cut short or of another kind").lower()
        raise DgmError(codes.unreadable(name, reason)) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = "the file is cut short, of another kind, or holds Python objects"
        raise DgmError(codes.unreadable(name, reason)) from error


def _npy(path: Path) -> Dataset:
    with path.open("rb") as file:
        array = as_numbers(np.load(file, allow_pickle=False), str(path))
    return Dataset({NAMELESS: array}, str(path))


def _npz(path: Path) -> Dataset:
    # Opened here, because NumPy leaves a file open that turns out to be cut short.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = {name: as_numbers(stored[name], f"`{name}`") for name in stored.files}
    return Dataset(arrays, str(path))


def _one(source: Any) -> Dataset:
    """Data without names."""
    place, found = "the data given", sequences(source)
    if found is None:
        return Dataset({NAMELESS: as_numbers(source, place)}, place)
    return Dataset({NAMELESS: found[0]}, place, lengths={NAMELESS: found[1]})


def _mapping(source: Mapping[Any, Any], chosen: Chosen | None, shared: Collection[str]) -> Dataset:
    own, place = isinstance(source, builtin.BuiltIn), "the data given"
    wanted = {str(name): value for name, value in source.items()}
    arrays: dict[str, np.ndarray] = {}
    lengths: dict[str, np.ndarray] = {}
    for name in wanted if chosen is None else chosen(tuple(wanted), place):
        value = wanted[name]
        found = None if name in shared else sequences(value)
        if found is not None:
            arrays[name], lengths[name] = found
        else:
            arrays[name] = (
                as_numbers(value, f"`{name}`") if chosen is None else _entries(value, name)
            )
    return Dataset(arrays, place, builtin=own, lengths=lengths)


def _csv(path: Path, chosen: Chosen | None) -> Dataset:
    """A table; its first row names the columns where one of its entries is no number."""
    with path.open(newline="", encoding="utf-8-sig") as text:
        rows = [row for row in csv.reader(text) if row]
    if not rows:
        raise DgmError(codes.no_examples(str(path)))
    headed = any(number(entry) is None for entry in rows[0])
    names = [name.strip() for name in rows[0]] if headed else [str(i) for i in range(len(rows[0]))]
    body = rows[1:] if headed else rows
    if chosen is not None and headed:
        return _texts(path, names, body, chosen)
    table = np.array([_row(row, i, names, str(path)) for i, row in enumerate(body)], np.float64)
    if not body:
        raise DgmError(codes.no_examples(str(path)))
    if not headed:
        return Dataset({NAMELESS: table}, str(path))
    return Dataset({name: table[:, i] for i, name in enumerate(names)}, str(path), table=True)


def _texts(
    path: Path, names: Sequence[str], body: Sequence[Sequence[str]], chosen: Chosen
) -> Dataset:
    """The chosen columns of a table with a first row of names, as strings."""
    for i, row in enumerate(body):
        if len(row) != len(names):
            raise DgmError(codes.ragged_rows(str(path), i, len(names), len(row)))
    columns: dict[str, np.ndarray] = {}
    for name in chosen(names, str(path)):
        place = names.index(name)
        columns[name] = np.array([row[place].strip() for row in body], object)
    return Dataset(columns, str(path), table=True)


def _row(row: Sequence[str], index: int, names: Sequence[str], place: str) -> list[float]:
    if len(row) != len(names):
        raise DgmError(codes.ragged_rows(place, index, len(names), len(row)))
    values = [number(entry) for entry in row]
    for name, entry, value in zip(names, row, values, strict=True):
        if value is None:
            raise DgmError(codes.text_entry(place, index, name, entry.strip()))
    return [value for value in values if value is not None]


def number(text: str) -> float | None:
    """The number that a text is: NaN where it says that one is missing, None where it is none."""
    text = text.strip()
    if text.lower() in MISSING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return None


def _frame(frame: Any, chosen: Chosen | None) -> Dataset:
    """A data frame, by what pandas and its relatives share: `columns`, and columns by name."""
    place = "the data frame"
    if chosen is not None:
        named = {str(name): name for name in frame.columns}
        wanted = chosen(tuple(named), place)
        arrays = {name: _entries(frame[named[name]].to_numpy(), name) for name in wanted}
        return Dataset(arrays, place, table=True)
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns:
        column = np.asarray(frame[name].to_numpy())
        if column.dtype.kind not in "biuf":
            column = np.array(
                [_cell(value, i, str(name), place) for i, value in enumerate(column)], np.float64
            )
        columns[str(name)] = column
    return Dataset(columns, place, table=True)


def _cell(value: Any, row: int, column: str, place: str) -> float:
    """A cell of a column of objects: a number, or nothing."""
    found = number("" if value is None else str(value).replace("<NA>", ""))
    if found is None:
        raise DgmError(codes.text_entry(place, row, column, str(value)))
    return found


def _entries(value: Any, name: str) -> np.ndarray:
    """A chosen column: numbers, or strings as objects, missing ones empty."""
    array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    if array.dtype.kind in "biuf":
        return as_numbers(array, f"`{name}`")
    texts = ["" if entry is None else str(entry).replace("<NA>", "") for entry in array.ravel()]
    return np.array([text.strip() for text in texts], object).reshape(array.shape)


def as_numbers(value: Any, place: str) -> np.ndarray:
    """An array of numbers, what is masked as NaN (DGM0505)."""
    if isinstance(value, np.ma.MaskedArray):
        return np.ma.filled(value.astype(np.float64), np.nan)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DgmError(codes.not_numbers(place, "rows of different lengths")) from error
    if array.dtype.kind not in "biuf":
        words = {"U": "text", "S": "text", "O": "Python objects", "c": "complex numbers"}
        raise DgmError(codes.not_numbers(place, words.get(array.dtype.kind, str(array.dtype))))
    return array

"""Which array is which variable, and what open hyperparameters are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.codes import reading
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import Dim, Shape
from dgmlang.runtime import sequences
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.conform import expected_shape
from dgmlang.runtime.data import NAMELESS, Dataset
from dgmlang.runtime.sizes import settings

Arrays = dict[str, np.ndarray]
Notes = tuple[Diagnostic, ...]


def arrange(
    variables: Sequence[Variable], dataset: Dataset, prepared: Collection[str] = ()
) -> tuple[Arrays, Notes]:
    """The data set's arrays by the names of the variables that data bring.

    An array without a name goes to the only variable; the columns of a table that are no variables
    go, as one vector, to the only vector that is not among them; `x` of a built-in data set to the
    only `data` variable.

    Of what is `prepared` no class is an end, as its numbers are none of the kind yet.

    Raises:
        DgmError: DGM0507 to DGM0509, DGM0511, DGM0512, DGM0531, DGM0532.
    """
    arrays = _named(variables, dataset)
    known = {variable.name for variable in variables}
    unknown = [name for name in arrays if name not in known]
    found: list[Diagnostic] = []
    if not dataset.builtin:
        found += [codes.unknown_column(name, sorted(known), dataset.place) for name in unknown]
    found += [
        codes.missing_variable(variable.span, variable.name, unknown, dataset.place)
        for variable in variables
        if variable.name not in arrays and not variable.type.optional
    ]
    kept = {name: array for name, array in arrays.items() if name in known}
    kept = {
        v.name: _ended(v, kept[v.name], dataset, classed=v.name not in prepared)
        for v in variables
        if v.name in kept
    }
    if len({array.shape[0] for array in kept.values()}) > 1:
        counts = {name: array.shape[0] for name, array in kept.items()}
        found.append(codes.uneven(counts, dataset.place))
    if found:
        raise DgmError(_one_mistake(found, unknown))
    sequences.check_together(variables, kept, dataset.place)
    return kept, (codes.left_out(unknown, dataset.place),) if unknown else ()


def _ended(variable: Variable, array: np.ndarray, dataset: Dataset, *, classed: bool) -> np.ndarray:
    """The array with the ends of sequences marked (DGM0505 where they may not differ)."""
    lengths = dataset.lengths.get(variable.name, dataset.lengths.get(NAMELESS))
    if variable.type.varying:
        return sequences.marked(variable, array, lengths, dataset.place, classed=classed)
    if lengths is not None:
        raise DgmError(reading.not_numbers(f"`{variable.name}`", "rows of different lengths"))
    return array


def solve(
    variables: Sequence[Variable], arrays: Mapping[str, Blocks], place: str
) -> tuple[dict[str, int], Notes]:
    """Open hyperparameters, from axes and numbers of levels that are such a name alone.

    `arrays` are as the model sees them, prepared. Raises DGM0512, DGM0513.
    """
    found: dict[str, int] = {}
    present = [variable for variable in variables if variable.name in arrays]
    for variable in present:
        wanted, sizes = variable.type.array_shape, arrays[variable.name].shape[1:]
        if not any(dim.symbols for dim in wanted):
            continue
        if len(wanted) != len(sizes):
            shown = (variable.span, variable.name, expected_shape(variable), sizes)
            shared = variable.role == "shared"
            advice = None if shared else _flatten(variable.name, wanted, sizes)
            raise DgmError(codes.wrong_shape(*shown, advice, {}, place))
        for dim, size in zip(wanted, sizes, strict=True):
            symbol = _symbol(dim)
            if symbol and found.setdefault(symbol, size) != size:
                raise DgmError(codes.two_sizes(variable.span, symbol, found[symbol], size, place))
    notes: list[Diagnostic] = []
    for variable in present:
        kind = variable.type.kind
        levels = kind.args[0] if kind.levels and kind.args else None
        symbol = _symbol(levels) if isinstance(levels, Dim) else None
        if symbol and symbol not in found:
            largest = int(arrays[variable.name].largest())
            found[symbol] = largest + (kind.name != "count")
            note = codes.levels_from_data(variable.name, symbol, found[symbol], largest, place)
            notes.append(note)
    return found, tuple(notes)


def require(
    names: Sequence[str], solved: Mapping[str, int], likely: Mapping[str, int], place: str
) -> None:
    """DGM0514 where an open hyperparameter has no value from the data; `likely` goes with it."""
    left = [name for name in names if name not in solved]
    if left:
        raise DgmError(codes.unsolved({name: likely.get(name) for name in left}, place))


def _flatten(name: str, wanted: Shape, sizes: tuple[int, ...]) -> str | None:
    return f"prepare {name} = flatten({name})" if len(wanted) == 1 < len(sizes) else None


def _symbol(dim: Dim) -> str | None:
    return dim.terms[0][0][0] if len(dim.symbols) == 1 and dim == Dim.symbol(*dim.symbols) else None


def _named(variables: Sequence[Variable], dataset: Dataset) -> Arrays:
    arrays, names = dict(dataset.arrays), {variable.name for variable in variables}
    if NAMELESS in arrays:
        if len(variables) != 1:
            raise DgmError(codes.unnamed([v.name for v in variables], dataset.place))
        return {variables[0].name: arrays[NAMELESS]}
    if dataset.table:
        return _grouped(variables, arrays, dataset.place)
    data = [variable.name for variable in variables if variable.role == "data"]
    if dataset.builtin and "x" not in names and len(data) == 1 and data[0] not in arrays:
        arrays[data[0]] = arrays.pop("x")
    return arrays


def _grouped(variables: Sequence[Variable], columns: Arrays, place: str) -> Arrays:
    """Columns that no variable names become the one vector that no column names (DGM0512)."""
    absent = [v for v in variables if v.name not in columns and not v.type.optional]
    names = {variable.name for variable in variables}
    rest = [name for name in columns if name not in names]
    if len(absent) != 1 or len(absent[0].type.array_shape) != 1 or not rest:
        return columns
    (width,) = absent[0].type.array_shape
    if width.value not in (None, len(rest)):
        likely = settings(absent[0], (len(rest),))
        raise DgmError(codes.wrong_columns(absent[0].span, str(width), rest, likely, place))
    vector = np.stack([columns[name] for name in rest], axis=1)
    return {absent[0].name: vector} | {n: c for n, c in columns.items() if n in names}


def _one_mistake(found: list[Diagnostic], unknown: Sequence[str]) -> list[Diagnostic]:
    """A misspelt name is one mistake: of one missing and one unknown, say the missing."""
    missing = [d for d in found if d.code == "DGM0507"]
    if len(missing) == len(unknown) == 1:
        return [d for d in found if d.code != "DGM0508"]
    return found

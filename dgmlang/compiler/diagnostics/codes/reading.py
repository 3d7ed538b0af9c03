"""DGM0501 to DGM0506: data, read from where they are."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.suggest import suggest


def unreadable(path: str, reason: str) -> Diagnostic:
    """A file that cannot be opened, or is not what its name says."""
    return Diagnostic(
        "DGM0501",
        "cannot read data",
        (),
        (reason,),
        "give the path of a whole .npy, .npz or .csv file",
        place=path,
    )


def unknown_dataset(name: str, known: Iterable[str]) -> Diagnostic:
    """No built-in data set and no file of that name."""
    known = tuple(known)
    near = suggest(name, known)
    return Diagnostic(
        "DGM0502",
        "unknown data",
        (),
        (f"built in are {', '.join(known)}; a file ends in .npy, .npz or .csv",),
        f"write `{near}`" if near else "give the path of a file",
        place=name,
    )


def text_entry(place: str, row: int, column: str, text: str) -> Diagnostic:
    """Text where numbers are needed."""
    return Diagnostic(
        "DGM0503",
        "text among numbers",
        (),
        (f"Expected a number; found `{text}` in row {row}, column {column}",),
        "write labels as the numbers 0, 1, 2 …, and leave an entry empty where it is missing",
        place=place,
    )


def ragged_rows(place: str, row: int, expected: int, found: int) -> Diagnostic:
    """A row with another number of entries than the first."""
    return Diagnostic(
        "DGM0504",
        "uneven rows",
        (),
        (f"Expected {expected} entries in row {row}; found {found}",),
        "give every row one entry a column",
        place=place,
    )


def not_numbers(place: str, found: str) -> Diagnostic:
    """An array or object that holds no numbers."""
    return Diagnostic(
        "DGM0505",
        "data without numbers",
        (),
        (f"Expected arrays of numbers; found {found}",),
        'give an array, a data frame, or `{"x": array}`',
        place=place,
    )


def no_examples(place: str) -> Diagnostic:
    """Nothing to learn from."""
    return Diagnostic(
        "DGM0506",
        "empty data",
        (),
        ("the first axis counts the examples, and it is 0",),
        "give at least one example",
        place=place,
    )

"""DGM0526 to DGM0530: sample weights, and columns that `fit` is told of by name."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.suggest import suggest


def wrong_weights(found: str, place: str) -> Diagnostic:
    """Sample weights that are no weights, or not of these examples."""
    return Diagnostic(
        "DGM0526",
        "wrong sample weights",
        (),
        (f"Expected one weight an example, finite, from 0, and not all 0; {found}",),
        "give `sample_weight` an array with one such number for each example",
        place=place,
    )


def no_such_column(keyword: str, name: str, columns: Iterable[str], place: str) -> Diagnostic:
    """A keyword names a column that the data do not have."""
    known = [column for column in columns if column]
    near = suggest(name, known)
    shown = ", ".join(f"`{column}`" for column in known[:8]) + (" …" if len(known) > 8 else "")
    return Diagnostic(
        "DGM0527",
        "no such column",
        (),
        (f"`{keyword}` names `{name}`; the data have {shown or 'no names'}",),
        f"write `{near}`" if near else "name a column or key of the data",
        place=place,
    )


def no_such_variable(name: str, variables: Iterable[str]) -> Diagnostic:
    """`columns` names something that is no variable of the data."""
    known = tuple(variables)
    near = suggest(name, known)
    shown = ", ".join(f"`{variable}`" for variable in known)
    return Diagnostic(
        "DGM0528",
        "no such variable",
        (),
        (f"`columns` names `{name}`; the variables that data bring are {shown}",),
        f"write `{near}`" if near else f"leave `{name}` out of `columns`",
        place="fit",
    )


def unknown_label(
    column: str, label: str, row: int, known: Iterable[str], place: str
) -> Diagnostic:
    """A label that the training data did not have."""
    known = tuple(known)
    near = suggest(label, known)
    shown = ", ".join(f"`{one}`" for one in known[:8]) + (" …" if len(known) > 8 else "")
    return Diagnostic(
        "DGM0529",
        "unknown label",
        (),
        (f"`{label}` in row {row}, column {column}, was not among the labels of `fit`: {shown}",),
        f"write `{near}`" if near else "leave such examples out",
        place=place,
    )


def no_columns(found: str) -> Diagnostic:
    """`columns` in no form that is known."""
    return Diagnostic(
        "DGM0530",
        "no columns named",
        (),
        (f"Expected a variable with the names of its columns; found `{found}`",),
        'write `columns = {"x": ["age", "bmi"], "y": "label"}`, or `"x=age,bmi y=label"`',
        place="fit",
    )


def nameless(place: str) -> Diagnostic:
    """`columns` for data whose columns have no names."""
    return Diagnostic(
        "DGM0530",
        "no columns named",
        (),
        ("`columns` takes columns by name, and these data are one array without names",),
        "give a data frame, a mapping, or a table whose first row names its columns",
        place=place,
    )

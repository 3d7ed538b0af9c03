"""DGM0526, DGM0527: sample weights, and columns that `fit` is told of by name."""

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

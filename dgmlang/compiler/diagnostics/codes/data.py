"""DGM0507 to DGM0532: data, held against the program, and how they are prepared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span

_SHOWN = 8
"""How many columns a message names."""


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _near(name: str, known: Iterable[str]) -> str | None:
    near = suggest(name, known)
    return f"write `{near}`" if near else None


def _of(place: str) -> tuple[str]:
    """The data's place, where the drawing shows the program's."""
    return (f"in {place}",)


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def missing_variable(span: Span, name: str, offered: Iterable[str], place: str) -> Diagnostic:
    """A variable that the data do not bring."""
    offered = tuple(offered)
    near = suggest(name, offered)
    return Diagnostic(
        "DGM0507",
        "missing variable",
        (Label(span, f"the data bring nothing called `{name}`"),),
        (f"in {place} unused: {_list(offered)}",) if offered else _of(place),
        f"call `{near}` `{name}` in the data" if near else f"add `{name}` to the data",
        place=place,
    )


def unknown_column(name: str, variables: Iterable[str], place: str) -> Diagnostic:
    """A column or key of the user's that no variable is called after."""
    variables = tuple(variables)
    return Diagnostic(
        "DGM0508",
        "unknown column",
        (),
        (f"`{name}` is no variable that data may bring; those are {_list(variables)}",),
        _near(name, variables) or f"leave `{name}` out of the data",
        place=place,
    )


def unnamed(variables: Iterable[str], place: str) -> Diagnostic:
    """One array for several variables."""
    names = tuple(variables)
    keys = ", ".join(f'"{name}": …' for name in names)
    return Diagnostic(
        "DGM0509",
        "unnamed data",
        (),
        (f"one array was given, and the program has {_list(names)}",),
        f"give `{{{keys}}}`, or an .npz file with these keys",
        place=place,
    )


def left_out(names: Iterable[str], place: str) -> Diagnostic:
    """Columns of a built-in data set that the program does not use."""
    return Diagnostic(
        "DGM0510",
        "columns left out",
        (),
        (f"{_list(names)}: no variable of the program is called so",),
        severity="note",
        place=place,
    )


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────


def uneven(counts: Mapping[str, int], place: str) -> Diagnostic:
    """Variables with different numbers of examples."""
    shown = ", ".join(f"{count} of `{name}`" for name, count in counts.items())
    return Diagnostic(
        "DGM0511",
        "uneven data",
        (),
        (f"Expected as many examples of each variable; found {shown}",),
        "give each variable the same first axis",
        place=place,
    )


def _flags(sizes: Mapping[str, int | None]) -> str:
    """How to set hyperparameters, `…` where no number is likely."""
    shown = (f"--set {name}={'…' if size is None else size}" for name, size in sizes.items())
    return f"set the size{'s' if len(sizes) > 1 else ''}: `{' '.join(shown)}`"


def wrong_shape(
    span: Span,
    name: str,
    expected: str,
    found: tuple[int, ...],
    advice: str | None,
    sizes: Mapping[str, int],
    place: str,
) -> Diagnostic:
    """An array has another shape than its variable; under `sizes` it would not."""
    common = _flags(sizes) if sizes else f"give `{name}` in that shape"
    return Diagnostic(
        "DGM0512",
        "wrong shape",
        (Label(span, f"Expected {expected}; found {list(found)}"),),
        why=_of(place),
        help=advice or common,
        place=place,
    )


def other_shape(
    span: Span, name: str, expected: list[int], found: tuple[int, ...], place: str
) -> Diagnostic:
    """Later data have another shape than those that a preparation was fitted to."""
    return Diagnostic(
        "DGM0512",
        "wrong shape",
        (Label(span, f"Expected {expected} in each example; found {list(found)}"),),
        (*_of(place), "this was fitted to the training data, whose shape is expected"),
        f"give `{name}` in the shape of the training data",
        place=place,
    )


def wrong_columns(
    span: Span, width: str, columns: Sequence[str], sizes: Mapping[str, int], place: str
) -> Diagnostic:
    """The columns of a table that no variable names are not as many as a vector has entries."""
    label = Label(span, f"Expected [{width}] in each example; found [{len(columns)}]")
    shown = _list(columns[:_SHOWN]) + (" …" if len(columns) > _SHOWN else "")
    common = "give the table as many columns, beside those that variables are called after"
    return Diagnostic(
        "DGM0512",
        "wrong shape",
        (label,),
        (*_of(place), f"it takes all columns that no variable is called after: {shown}"),
        f"leave columns out, or take all and {_flags(sizes)}" if sizes else common,
        place=place,
    )


def two_sizes(span: Span, symbol: str, first: int, second: int, place: str) -> Diagnostic:
    """A hyperparameter that the data set to two values."""
    return Diagnostic(
        "DGM0513",
        "two sizes for one name",
        (Label(span, f"`{symbol}` is {second} here and {first} elsewhere in the data"),),
        why=_of(place),
        help=f"give arrays that agree in `{symbol}`, or write two hyperparameters",
        place=place,
    )


def unsolved(sizes: Mapping[str, int | None], place: str) -> Diagnostic:
    """Hyperparameters that no axis of the data gives, with the values that would fit an axis."""
    return Diagnostic(
        "DGM0514",
        "hyperparameter without a value",
        (),
        (f"no axis of the data is {' or '.join(f'`{name}`' for name in sizes)} alone",),
        _flags(sizes),
        place=place,
    )


def levels_from_data(name: str, symbol: str, value: int, largest: int, place: str) -> Diagnostic:
    """The number of levels was taken from the largest value."""
    return Diagnostic(
        "DGM0515",
        "levels from the data",
        (),
        (f"`{symbol}` is {value}: the largest value of `{name}` in the data is {largest}",),
        f"set it where more levels may come: `--set {symbol}=…`",
        severity="note",
        place=place,
    )


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def wrong_value(
    span: Span, name: str, expected: str, found: str, at: str, advice: str | None, place: str
) -> Diagnostic:
    """A value that the variable's kind does not have."""
    return Diagnostic(
        "DGM0516",
        "wrong value",
        (Label(span, f"Expected {expected}; found {found} in {at}"),),
        why=_of(place),
        help=advice or f"correct these values of `{name}`",
        place=place,
    )


def missing_value(
    span: Span, name: str, found: str, at: str, place: str, *, inferred: bool
) -> Diagnostic:
    """NaN or an infinity in a variable that may not be missing; `inferred`: it has a law."""
    latent = "put a `?` behind the kind: what is missing is then a latent"
    instead = latent if inferred and found == "nan" else "fill the entry in"
    return Diagnostic(
        "DGM0517",
        "value not finite",
        (Label(span, f"found {found} in {at}, and `{name}` may not be missing"),),
        why=_of(place),
        help=f"leave such examples out, or {instead}",
        place=place,
    )


def integers_as_density(span: Span, name: str, place: str) -> Diagnostic:
    """Whole numbers offered to a density: its likelihood can grow without bound."""
    return Diagnostic(
        "DGM0518",
        "whole numbers under a density",
        (Label(span, f"every value of `{name}` is a whole number"),),
        (
            *_of(place),
            "a density on points has no bound, so its value would say nothing",
            "noise within the bins bounds their probability; `quantize(…)` gives it itself",
        ),
        f"prepare {name} = dequantize({name})",
        severity="warning",
        place=place,
    )


# ── preparations ─────────────────────────────────────────────────────────────────────────────────


def prepares_nothing(span: Span, name: str, variables: Iterable[str]) -> Diagnostic:
    """`prepare` of a name that data do not bring."""
    return Diagnostic(
        "DGM0520",
        "unknown variable",
        (Label(span, f"`{name}` is no variable that data bring"),),
        help=_near(name, variables) or f"prepare one of {_list(variables)}",
    )


def unknown_preparation(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    """A function that is no preparation."""
    known = tuple(known)
    return Diagnostic(
        "DGM0521",
        "unknown preparation",
        (Label(span, f"no preparation is called `{name}`"),),
        (f"they are {', '.join(known)}",),
        _near(name.replace("normal", "standard"), known)
        or "take one of these, or arithmetic with numbers",
    )


def not_a_chain(span: Span, name: str) -> Diagnostic:
    """An expression that is no chain of steps on one variable."""
    return Diagnostic(
        "DGM0522",
        "not a preparation",
        (Label(span, f"Expected steps applied to `{name}`, one after the other; found this"),),
        help=f"write `bernoulli({name} / 16)` or `2 * dequantize({name}) - 1`",
    )


def preparation_argument(span: Span, step: str, known: Iterable[str]) -> Diagnostic:
    """An argument that a preparation does not have."""
    return Diagnostic(
        "DGM0523",
        "unknown argument",
        (Label(span, f"`{step}` takes its data first, then {_list(known)}"),),
        help=f"write `{step}(x)` or one of its arguments by name",
    )


def not_prepared(
    span: Span, step: str, expected: str, found: str, at: str, advice: str
) -> Diagnostic:
    """A value that a preparation cannot take."""
    return Diagnostic(
        "DGM0524",
        "wrong value to prepare",
        (Label(span, f"`{step}` expects {expected}; found {found} in {at}"),),
        help=advice,
    )


def too_long(span: Span, name: str, row: int, found: int, greatest: int, place: str) -> Diagnostic:
    """A sequence with more entries than its variable may have."""
    return Diagnostic(
        "DGM0531",
        "longer than declared",
        (Label(span, f"`{name}` has up to {greatest} entries; row {row} has {found}"),),
        _of(place),
        "declare a greater length, or cut the sequence",
        place=place,
    )


def other_length(
    span: Span, names: tuple[str, str], row: int, lengths: tuple[int, int], place: str
) -> Diagnostic:
    """Two variables of one loop over a length that differ in it."""
    own, owner = names
    return Diagnostic(
        "DGM0532",
        "two lengths",
        (
            Label(
                span,
                f"`{own}` is as long as `{owner}`; in row {row} it has {lengths[0]} entries, "
                f"and `{owner}` has {lengths[1]}",
            ),
        ),
        _of(place),
        f"give one entry of `{own}` for each of `{owner}`",
        place=place,
    )


def partly_missing(span: Span, name: str, type_: str, at: str, place: str) -> Diagnostic:
    """Single entries missing from a variable that may be missing as a whole."""
    return Diagnostic(
        "DGM0525",
        "partly missing",
        (
            Label(
                span, f"`{name}` is `{type_}`, there or missing as a whole; {at} alone is missing"
            ),
        ),
        _of(place),
        "write the `?` behind the kind, as `bit?[d]`, so that single entries may be missing",
        place=place,
    )

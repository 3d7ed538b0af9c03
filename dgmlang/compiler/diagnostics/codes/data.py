"""DGM05xx: data, held against the program, and how they are prepared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _near(name: str, known: Iterable[str]) -> str | None:
    near = suggest(name, known)
    return f"write `{near}`" if near else None


def _of(place: str) -> tuple[str]:
    """The data's place, where the drawing shows the program's."""
    return (f"in {place}",)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


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
    return Diagnostic(
        "DGM0502",
        "unknown data",
        (),
        (f"built in are {', '.join(known)}; a file ends in .npy, .npz or .csv",),
        _near(name, known) or "give the path of a file",
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


def wrong_shape(
    span: Span, name: str, expected: str, found: tuple[int, ...], advice: str | None, place: str
) -> Diagnostic:
    """An example's array has another shape than its variable."""
    return Diagnostic(
        "DGM0512",
        "wrong shape",
        (Label(span, f"Expected {expected} in each example; found {list(found)}"),),
        why=_of(place),
        help=advice or f"give `{name}` in that shape, or set the sizes: `--set NAME=…`",
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


def unsolved(symbols: Iterable[str], place: str) -> Diagnostic:
    """Hyperparameters without a value that no axis of the data gives."""
    names = tuple(symbols)
    return Diagnostic(
        "DGM0514",
        "hyperparameter without a value",
        (),
        (f"no axis of the data is {' or '.join(f'`{name}`' for name in names)} alone",),
        f"set it: `--set {names[0]}=…`",
        place=place,
    )


def levels_from_data(name: str, symbol: str, levels: int, place: str) -> Diagnostic:
    """The number of levels was taken from the largest value."""
    return Diagnostic(
        "DGM0515",
        "levels from the data",
        (),
        (f"`{symbol}` is {levels}: the largest value of `{name}` in the data is {levels - 1}",),
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


def missing_value(span: Span, name: str, found: str, at: str, place: str) -> Diagnostic:
    """NaN or an infinity in a variable that may not be missing."""
    return Diagnostic(
        "DGM0517",
        "value not finite",
        (Label(span, f"found {found} in {at}, and `{name}` may not be missing"),),
        why=_of(place),
        help="leave such examples out, or fill the entry in",
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
        _near(name, known) or "take one of these, or arithmetic with numbers",
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

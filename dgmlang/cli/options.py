"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse_expression
from dgmlang.compiler.types.static import Static, static

Program = Annotated[Path, typer.Argument(metavar="FILE", help="A program, such as vae.dgm.")]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `dgm train` wrote.")]

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter's value; may be repeated."),
]

Data = Annotated[
    str,
    typer.Option(help="A built-in data set, or a file: .npy, .npz (keys are variables), .csv."),
]

Seed = Annotated[int, typer.Option(help="The seed of every random number.")]


def assignments(texts: Iterable[str] | None, flag: str) -> dict[str, Any]:
    """`NAME=VALUE` texts as a dictionary; values are compile-time expressions of the language.

    Raises:
        typer.BadParameter: a text is none, or a name is given twice.
    """
    values: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise typer.BadParameter(f"Expected NAME=VALUE; found `{text}`", param_hint=flag)
        if name in values:
            raise typer.BadParameter(f"`{name}` is given twice", param_hint=flag)
        values[name] = _value(value, flag)
    return values


def _value(text: str, flag: str) -> Any:
    """The value of one expression: a number, true, false, a name, a list, or arithmetic on them."""
    report = Report()
    node, found = parse_expression(Source(flag, text))
    value = static(node, Static({}, report, words=True)) if node is not None else None
    if found or report.found or value is None:
        help = "write a number, true, false, a name or a list such as [400, 400]"
        raise typer.BadParameter(f"`{text}` is no value; {help}", param_hint=flag)
    return value

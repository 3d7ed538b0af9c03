"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression
from dgmlang.compiler.types.static import Static, static

DATA = "a built-in data set (digits, moons …), or a file: .npy, .npz (keys are variables), .csv"


def program(parser: argparse.ArgumentParser) -> None:
    """FILE, and values for its hyperparameters."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a program, such as vae.dgm")
    settings(parser)


def settings(parser: argparse.ArgumentParser) -> None:
    """`--set NAME=VALUE`, as often as there are hyperparameters."""
    parser.add_argument(
        "--set", action=Assign, default={}, metavar="NAME=VALUE",
        help="a hyperparameter's value; repeatable",
    )  # fmt: skip


def run(parser: argparse.ArgumentParser) -> None:
    """RUN, a folder."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a folder that dgm train wrote")


def seed(parser: argparse.ArgumentParser) -> None:
    """`--seed`."""
    parser.add_argument(
        "--seed", type=int, default=0, help="of every random number (default: %(default)s)"
    )


def nets(parser: argparse.ArgumentParser) -> None:
    """`--nets MODULE:FUNCTION`, whose call gives what the program's `extern net`s are."""
    parser.add_argument(
        "--nets", type=_imported, default={}, metavar="MODULE:FUNCTION",
        help="a Python function that gives the program's extern nets, as a dictionary by name",
    )  # fmt: skip


def _imported(text: str) -> Mapping[str, Any]:
    """What the function of that name gives; modules are found from the current folder too."""
    module, _, name = text.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), name)()
    except (ImportError, ValueError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"Expected MODULE:FUNCTION; {error}") from None
    finally:
        sys.path.pop(0)
    if not isinstance(found, Mapping):
        raise argparse.ArgumentTypeError(f"Expected {text} to give a dictionary of nets by name")
    return found


class Assign(argparse.Action):
    """Collects `NAME=VALUE` texts in a dictionary; values are compile-time ones of the language.

    Where a flag may be left out, its default is an empty dictionary (or None).
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name, value = halves(self, values, "NAME=VALUE")
        before = getattr(namespace, self.dest) or {}
        if name in before:
            raise argparse.ArgumentError(self, f"`{name}` is given twice")
        setattr(namespace, self.dest, {**before, name: self.value(name, value)})

    def value(self, name: str, text: str) -> Any:
        """A number, true, false, a name, a list, arithmetic on them, or the text of a chain."""
        report = Report()
        node, found = parse_expression(Source(str(self.option_strings[0]), text))
        if not found and isinstance(node, ast.Call | ast.Pipe):
            return text
        value = None if node is None else static(node, Static({}, report, words=True))
        if found or report.found or value is None:
            words = "write a number, true, false, a name or a list such as [400, 400]"
            raise argparse.ArgumentError(self, f"`{text}` is no value; {words}")
        return value


class AssignText(Assign):
    """Collects `NAME = TEXT`, the text left as it is."""

    def value(self, name: str, text: str) -> Any:
        return text


class AssignNumbers(Assign):
    """Collects `NAME=NUMBERS`: a number, or a list with rows of one length."""

    def value(self, name: str, text: str) -> Any:
        value = super().value(name, text)
        if _lengths(value) is None:
            words = f"Expected a number or a list of numbers for `{name}`; found `{text}`"
            raise argparse.ArgumentError(self, words)
        return value


class AssignGiven(AssignNumbers):
    """Collects `NAME=NUMBERS`, or `NAME=FILE` with the file where they are."""

    def value(self, name: str, text: str) -> Any:
        return text if text.endswith((".npy", ".npz", ".csv")) else super().value(name, text)


def params(parser: argparse.ArgumentParser) -> None:
    """`--params NAME`."""
    parser.add_argument(
        "--params", metavar="NAME", help="last, best or ema; by default the best that the run kept"
    )


def given(parser: argparse.ArgumentParser, what: str) -> None:
    """`--given NAME=VALUE`."""
    parser.add_argument(
        "--given", action=AssignGiven, metavar="NAME=VALUE",
        help=f"{what}: a number, a list of numbers, or a file of them; repeatable",
    )  # fmt: skip


def read(given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What `--given` says, files read."""
    from dgmlang.runtime.shared import as_array

    return given and {name: as_array(name, value) for name, value in given.items()}


def _lengths(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists of numbers, None where they have none."""
    if isinstance(value, int | float):
        return ()
    shapes = {_lengths(item) for item in value} if isinstance(value, tuple) else set()
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(value), *inner)


def halves(action: argparse.Action, text: str, form: str) -> tuple[str, str]:
    """The two sides of the first `=`, neither of them empty."""
    name, _, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        raise argparse.ArgumentError(action, f"Expected {form}; found `{text}`")
    return name, value


def positive(text: str) -> int:
    """A whole number from 1."""
    try:
        value = int(text.replace("_", ""))
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"Expected a whole number from 1; found `{text}`")
    return value


def share(text: str) -> float:
    """A part of a whole, between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"Expected a number between 0 and 1; found `{text}`")
    return value

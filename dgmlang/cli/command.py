"""What a command is, and the parser of command lines.

The parser is argparse's, because `dgm check` must answer at once: Typer brings Pydantic along, and
both together cost as much time as all the rest of a check.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dgmlang.compiler.diagnostics.suggest import suggest


@dataclass(frozen=True)
class Command:
    """`options` declares flags on a parser; `run` returns the exit status."""

    name: str
    help: str
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class UsageError(Exception):
    """The command line is at fault in a way that its parser cannot see."""


class CommandParser(argparse.ArgumentParser):
    """The parser of one command; it refuses a flag by naming the one that was probably meant."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """An unknown flag is said before a missing one; argparse would say it last."""
        known = re.findall(r"(?<![\w-])--?\w[\w-]*", self.format_usage())
        for argument in given[0]:
            flag = argument.partition("=")[0]
            if flag.startswith("--") and flag not in {"--", "--help", *known}:
                near = suggest(flag, known)
                self.error(f"unknown flag {flag}" + (f"; did you mean {near}?" if near else ""))
        return super().parse_known_args(*given, **named)

"""The statements of the standard library, each parsed when it is first asked for.

A program names a few of some two hundred, and parsing them all took nine tenths of a check. So only
their first lines are looked at: `extern KIND NAME` or `model NAME` at the start of a line, with the
doc comment above it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast

T = TypeVar("T")

_HEAD = re.compile(r"(?:extern (?P<kind>\w+)|model) (?P<name>\w+)")
MODEL = "model"
"""Where models stand among the kinds of externs; a reserved word, so no kind is called so."""


class Book(Generic[T]):
    """One statement: where it stands, and what `make` makes of its syntax when it is read."""

    def __init__(
        self, name: str, text: str, first: int, make: Callable[[ast.Statement], T]
    ) -> None:
        self.name, self.text, self.first, self.make = name, text, first, make

    @cached_property
    def read(self) -> T:
        """The statement; its lines keep their numbers in the file."""
        from dgmlang.compiler.syntax.parse import parse

        tree, wrong = parse(Source(self.name, "\n" * self.first + self.text))
        if wrong:
            raise ValueError(f"the standard library does not parse: {wrong[0]}")
        return self.make(tree.statements[0])


class Shelf(Mapping[str, T]):
    """Statements of one or several kinds by name."""

    def __init__(self, books: Mapping[str, Book[T]]) -> None:
        self.books = books

    def __getitem__(self, name: str) -> T:
        return self.books[name].read

    def __iter__(self) -> Iterator[str]:
        return iter(self.books)

    def __len__(self) -> int:
        return len(self.books)

    def __contains__(self, name: object) -> bool:
        return name in self.books

    def beside(self, other: Shelf[T]) -> Shelf[T]:
        """Both, the other's first choice where they share a name."""
        return Shelf({**self.books, **other.books})


def shelves(make: Callable[[ast.Statement], T]) -> dict[str, Shelf[T]]:
    """All statements of `stdlib/*.dgm` by kind, and then by name."""
    found: dict[str, dict[str, Book[T]]] = {}
    for path in sorted((Path(__file__).parents[1] / "stdlib").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".dgm"):
            text = path.read_text(encoding="utf-8")
            for kind, name, first, part in _parts(text):
                book = Book(f"stdlib/{path.name}", part, first, make)
                found.setdefault(kind, {})[name] = book
    return {kind: Shelf(books) for kind, books in found.items()}


def _parts(text: str) -> Iterator[tuple[str, str, int, str]]:
    """(kind, name, number of the first line, text) of every statement, its doc comment with it."""
    lines = text.splitlines(keepends=True)
    heads = [(i, m) for i, line in enumerate(lines) if (m := _HEAD.match(line))]
    starts = [_documented(lines, i) for i, _ in heads]
    for (_, head), start, end in zip(heads, starts, [*starts[1:], len(lines)], strict=True):
        yield head["kind"] or MODEL, head["name"], start, "".join(lines[start:end])


def _documented(lines: list[str], head: int) -> int:
    """The first line of the doc comment that ends above a line."""
    while head and lines[head - 1].startswith("##"):
        head -= 1
    return head

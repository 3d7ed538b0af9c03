"""Source texts and the places in them that diagnostics point at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from unicodedata import combining, east_asian_width

from dgmlang.compiler.frozen import frozen


class Unopened(Exception):
    """A file that a text uses, and that it cannot have. `reason` is a word of `REASONS`.

    `said` is what the system says of it, or the file whose folder a path leads out of; `near` is a
    path that was probably meant.
    """

    def __init__(self, reason: str, said: str = "", near: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.said, self.near = reason, said, near


REASONS = ("homeless", "outside", "unreadable")
"""A text without a folder; a path out of the program's tree, or from the top; the system's no."""


def _homeless(path: str) -> Source:
    raise Unopened("homeless")


@frozen(eq=False)
class Source:
    """One text with the name a person knows it by (a path, or `<text>`).

    `opener` finds the files that the text uses, by their paths as written. Each is looked for once,
    so that a program stays what it was when the files change. `main` is False of such a file.
    """

    name: str
    text: str
    opener: Callable[[str], Source] = field(default=_homeless, repr=False)
    main: bool = True
    opened: dict[str, Source] = field(default_factory=dict, repr=False)

    def open(self, path: str) -> Source:
        """The file at a path that this text writes; raises Unopened."""
        if path not in self.opened:
            self.opened[path] = self.opener(path)
        return self.opened[path]

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its newline."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


@frozen()
class Span:
    """The characters `start` to `end` (exclusive) of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def inside(self, other: Span) -> bool:
        """Whether all of this span stands in the other one."""
        same = self.source is other.source
        return same and other.start <= self.start and self.end <= other.end

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end))

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1

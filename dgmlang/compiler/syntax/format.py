"""The one layout of a program. What it depends on: the tokens, the comments, and the empty lines.

A line ends where a statement does, and inside one only where LANGUAGE.md's newline rule joins the
two: behind an operator, before `|>`, `if` and `else`, and in brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.source import Source, columns
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.format_line import INDENT, WIDTH, Writer
from dgmlang.compiler.syntax.format_tree import Comment, Element, Word, flat, tree
from dgmlang.compiler.syntax.parse import parse
from dgmlang.compiler.syntax.statements import Piece, cut
from dgmlang.compiler.syntax.tokens import comments, scan

VARIABLES = ("data", "latent", "given", "param")
_BLANK = " \t\r\ufeff"
ONE_LINE = ("guide", "noise", "recipe")  # their body stays on the line if it is one statement


def format_source(source: Source) -> str:
    """The program in the one layout, with its comments where they stood.

    Raises:
        DgmError: what does not parse.
    """
    before = _parsed(source)
    pieces, _ = cut(source, scan(source)[0])
    text = _Layout(source).file(pieces)
    after = _parsed(Source(source.name, text))
    if before != after:
        raise AssertionError(f"the layout of {source.name} would mean something else")
    return text


def upgrade(source: Source) -> str:
    """The program in this version of the language, with the line that says so.

    Raises:
        DgmError: what does not parse, a newer version (DGM0110) included.
    """
    text = format_source(source)
    return text if _parsed(source).version else f"dgm 1\n{text}"


def _parsed(source: Source) -> ast.File:
    tree, found = parse(source)
    if found:
        raise DgmError(found)
    return tree


class _Layout:
    """Goes over the pieces in the order of the text; `last` is the end of what is written."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.writer = Writer()
        self.last = 0
        self.is_first = True
        text = source.text
        self.comments = [
            Comment(
                start, words, own=not text[text.rfind("\n", 0, start) + 1 : start].strip(_BLANK)
            )
            for start, words in comments(source)
        ]

    def file(self, pieces: Sequence[Piece]) -> str:
        self._body(pieces, 0, len(self.source.text))
        self.writer.newline(0)
        return "\n".join(self.writer.lines) + "\n"

    def _body(self, pieces: Sequence[Piece], indent: int, end: int) -> None:
        self.is_first = True
        pieces = [piece for piece in pieces if piece.tokens]
        trees = [tree(piece.tokens, self._inside(piece)) for piece in pieces]
        self._align(pieces, trees, indent)
        for piece, elements in zip(pieces, trees, strict=True):
            self._between(piece.tokens[0].start, indent)
            self._statement(piece, elements, indent)
        self._between(end, indent, is_end=True)

    def _statement(self, piece: Piece, elements: list[Element], indent: int) -> None:
        self.writer.statement(elements, indent, 2 if piece.brace else 0)
        self.last = piece.tokens[-1].end
        if piece.brace is None or piece.body is None:
            return
        closer = piece.end - 1
        if (line := self._one_line(piece, elements, indent)) is not None:
            self.writer.text("", line)
        else:
            self.writer.text(" ", "{")
            for comment in self._take(piece.brace.start):
                self.writer.comment(Comment(comment.start, comment.text, own=False), indent)
            self.last = piece.brace.end
            self._body(piece.body, indent + INDENT, closer)
            self.writer.newline(indent)
            self.writer.text("", "}")
        self.last, self.is_first = piece.end, False

    def _one_line(self, piece: Piece, elements: list[Element], indent: int) -> str | None:
        """The body behind its head where it stays on that line."""
        assert piece.body is not None
        head = piece.tokens[0].start
        if any(head <= comment.start < piece.end for comment in self.comments):
            return None
        if not piece.body:
            return " {}"
        if piece.tokens[0].type not in ONE_LINE or len(piece.body) > 1 or piece.body[0].brace:
            return None
        line = f" {{ {flat(tree(piece.body[0].tokens, []))} }}"
        return line if self.writer.column + columns(line) <= WIDTH else None

    # ── comments and empty lines ─────────────────────────────────────────────────────────────────

    def _inside(self, piece: Piece) -> list[Comment]:
        """The comments within a statement, which are then its own."""
        start, end = piece.tokens[0].start, piece.tokens[-1].end
        inside = [comment for comment in self.comments if start < comment.start < end]
        self.comments = [comment for comment in self.comments if comment not in inside]
        return inside

    def _take(self, end: int) -> list[Comment]:
        taken = [comment for comment in self.comments if comment.start < end]
        del self.comments[: len(taken)]
        return taken

    def _between(self, start: int, indent: int, *, is_end: bool = False) -> None:
        """The comments before `start`, and a new line with at most one empty line before it."""
        was_comment = False
        for comment in self._take(start):
            if comment.own:
                self._line(comment.start, indent, was_comment)
                self.is_first = False
            self.writer.comment(comment, indent)
            self.last = comment.start + len(comment.text)
            was_comment = comment.own
        if not is_end:
            self._line(start, indent, was_comment)
            self.is_first = False

    def _line(self, start: int, indent: int, was_comment: bool) -> None:
        """A stray `;` keeps a comment from documenting what follows, and so must an empty line."""
        gap = self.source.text[self.last : start]
        self.writer.newline(indent)
        if not self.is_first and (gap.count("\n") > 1 or (was_comment and ";" in gap)):
            self.writer.blank()

    # ── columns ──────────────────────────────────────────────────────────────────────────────────

    def _align(self, pieces: Sequence[Piece], trees: Sequence[list[Element]], indent: int) -> None:
        """Sets names, types and laws of adjacent declarations below one another."""
        run: list[_Row] = []
        end = None
        for piece, elements in zip(pieces, trees, strict=True):
            row = _Row.of(elements, indent)
            gap = "" if end is None else self.source.text[end : piece.tokens[0].start]
            if row is None or _has_empty_line(gap):
                _align_run(run)
                run = []
            run += [row] if row else []
            end = piece.end
        _align_run(run)


def _has_empty_line(gap: str) -> bool:
    return any(not line.strip(" \t\r;") for line in gap.split("\n")[1:-1])


class _Row:
    """A declaration on one line: its role, its name, and what stands before its law."""

    def __init__(self, role: Word, name: list[Element], rest: list[Element]) -> None:
        self.role, self.name = role, name
        self.colon = rest[0]
        laws = (i for i, e in enumerate(rest) if isinstance(e, Word) and e.type == "~")
        place = next(laws, len(rest))
        self.type = rest[1:place]
        self.law = rest[place] if place < len(rest) else None

    @classmethod
    def of(cls, elements: list[Element], indent: int) -> _Row | None:
        role = elements[0]
        words = [e.type if isinstance(e, Word) else "" for e in elements]
        ends = [i for i, word in enumerate(words) if word in ("=", "~")]
        left = elements[: ends[0] + 1] if ends else elements
        if not isinstance(role, Word) or role.type not in VARIABLES or ":" not in words:
            return None
        if any(e.is_commented for e in left) or indent + columns(flat(left)) > WIDTH:
            return None
        colon = words.index(":")
        return cls(role, elements[1:colon], elements[colon:])


def _align_run(run: list[_Row]) -> None:
    for group in _groups(run):
        role = max(columns(row.role.text) for row in group)
        name = max(columns(flat(row.name)) for row in group)
        type_ = max((columns(flat(row.type)) for row in group if row.law), default=0)
        for row in group:
            _pad(row.name[0], role - columns(row.role.text))
            _pad(row.colon, name - columns(flat(row.name)))
            if row.law:
                _pad(row.law, type_ - columns(flat(row.type)))


def _pad(element: Element, width: int) -> None:
    assert isinstance(element, Word)
    element.space += " " * width


def _groups(run: list[_Row]) -> list[list[_Row]]:
    """Apart: `param` lines, and two or more `data` and `latent` lines. `given` goes with either."""
    kinds = [row.role.type for row in run]
    for i in reversed(range(len(run) - 1)):
        kinds[i] = kinds[i + 1] if kinds[i] == "given" else kinds[i]
    kinds = ["param" if kind == "param" else "variable" for kind in kinds]
    groups: list[list[_Row]] = []
    sizes: list[int] = []  # how many lines of a group would stand apart from a `param`
    for _, rows in groupby(zip(kinds, run, strict=True), lambda pair: pair[0]):
        group = [row for _, row in rows]
        size = sum(row.role.type in ("data", "latent") for row in group)
        if groups and size < 2 and sizes[-1] < 2:
            groups[-1] += group
            sizes[-1] += size
        else:
            groups.append(group)
            sizes.append(size)
    return groups

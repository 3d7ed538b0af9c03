"""What may stand at a place of a program, for completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from dgmlang.compiler.emit.describe import described
from dgmlang.compiler.library import library
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.tokens import Token, scan
from dgmlang.editor.names import in_scope
from dgmlang.editor.words import words

Sort = Literal["keyword", "kind", "builtin", "name"]

_SPACES = {
    "|>": ("layer", "bijection", "chain"),
    "~": ("dist",),
    "under": ("process",),
    "transform": ("transform",),
    "mask": ("mask",),
    "activation": ("activation",),
    "solver": ("solver",),
    "adjoint": ("adjoint",),
    "objective": ("objective",),
    "sampler": ("sampler",),
    "prepare": ("prepare",),
}
"""The kinds of externs that may stand behind a word."""


@dataclass(frozen=True)
class Candidate:
    """One word that fits, with what is known of it."""

    text: str
    sort: Sort
    detail: str = ""


def complete(source: Source, offset: int) -> list[Candidate]:
    """The words that fit at a place, whatever of the word is there already."""
    before = [t for t in scan(source)[0] if t.end < offset or (t.end == offset and not _word(t))]
    last = before[-1] if before else None
    inside = sum({"{": 1, "}": -1}.get(t.text, 0) for t in before) > 0
    if last is None or _starts_line(source, offset):
        return _keywords(("role", "reserved") if inside else ("reserved",))
    space = _SPACES.get(_asked(before))
    if space is not None:
        models = [Candidate(n, "builtin", "model") for n in library().models] * (space == ("dist",))
        return [*_externs(space), *models]
    if last.text in (":", "->"):
        return [Candidate(kind, "kind") for kind in words()["kind"]]
    names = [
        Candidate(n, "name", _first_line(s.span.text)) for n, s in in_scope(source, offset).items()
    ]
    return [*names, *_externs(("fn",)), *_keywords(("operator", "constant"))]


def _word(token: Token) -> bool:
    return token.text.isidentifier()


def _starts_line(source: Source, offset: int) -> bool:
    line = source.text[source.text.rfind("\n", 0, offset) + 1 : offset]
    return not line.strip() or line.strip().isidentifier()


def _asked(before: list[Token]) -> str:
    """The symbol or word that says what comes next; in front of `=` it is the setting's name."""
    last = before[-1].text
    return before[-2].text if last == "=" and len(before) > 1 else last


def _keywords(sorts: Iterable[str]) -> list[Candidate]:
    return [Candidate(word, "keyword") for sort in sorts for word in words()[sort]]


def _externs(kinds: Iterable[str]) -> Iterator[Candidate]:
    for name, extern in library().space(*kinds).items():
        yield Candidate(name, "builtin", described(extern))


def _first_line(text: str) -> str:
    return text.splitlines()[0]

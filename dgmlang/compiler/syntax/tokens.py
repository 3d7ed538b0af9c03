"""Text to tokens: names, numbers, strings and symbols, each with its place; comments fall away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from unicodedata import normalize

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span

# `true` and `false` are reserved too, as the grammar's CONSTANT.
RESERVED = frozenset(
    {"model", "use", "recipe", "extern", "for", "in", "if", "else"}
    | {"and", "or", "not", "at", "under", "from", "as"}
)

_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹")

# A word is any run of characters that are not white space or ASCII punctuation; whether it is a
# name is `str.isidentifier`'s to say, because combining marks (x̂) are not `\w` to `re`.
_TOKEN = re.compile(
    r"""
      (?P<blank>[^\S\n]+|\ufeff)
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<number>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?)
    | (?P<word>[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f\s\ufeff]+)
    | (?P<string>"[^"\n]*")
    | (?P<foreign>[-+*/:]=|\+\+|&&|\|\||//|<>)
    | (?P<symbol>\.\.\.|\.\.|\*\*|->|\|>|[<>=!]=|[-+*/@<>=~:,.;()\[\]{}?|])
    | (?P<odd>.)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`type` is a symbol or reserved word itself, else NAME, NUMBER, STRING, CONSTANT or ODD.

    `text` is normalised to NFKC for words. `fresh`: the first on its line. `doc`: the `##` lines
    directly above. An ODD token is already reported and stands for what the language lacks.
    """

    type: str
    text: str
    start: int
    end: int
    fresh: bool = False
    doc: str = ""


def scan(source: Source) -> tuple[list[Token], list[Diagnostic]]:
    """All tokens of the text, and a diagnostic for each symbol and word that is none of ours."""
    found: list[Diagnostic] = []
    tokens: list[Token] = []
    fresh, blank, doc = True, True, []
    for match in _TOKEN.finditer(source.text):
        group, text = match.lastgroup, match.group()
        if group == "newline":
            doc = [] if blank else doc
            fresh = blank = True
        elif group == "comment":
            blank = False
            if fresh and text.startswith("##"):
                doc.append(text[2:].strip())
        elif group != "blank":
            note = "\n".join(doc) if fresh else ""
            for kind, word, start, end in _pieces(source, match, found):
                tokens.append(Token(kind, word, start, end, fresh, note))
                fresh, note = False, ""
            blank, doc = False, []
    return tokens, found


def _pieces(
    source: Source, match: re.Match[str], found: list[Diagnostic]
) -> Iterator[tuple[str, str, int, int]]:
    """Type, text and place of the tokens that one match stands for: one, but for odd words."""
    group, text, start, end = match.lastgroup, match.group(), match.start(), match.end()
    if group == "word":
        yield from _words(source, text, start, found)
    elif group == "number":
        if float(text) == inf:
            found.append(codes.number_range(Span(source, start, end)))
        yield "NUMBER", text, start, end
    elif group == "string":
        yield "STRING", text[1:-1], start, end
    elif group == "symbol":
        yield text, text, start, end
    else:
        found.append(codes.unknown_symbol(Span(source, start, end), text))
        yield "ODD", text, start, end


def _words(
    source: Source, text: str, start: int, found: list[Diagnostic]
) -> Iterator[tuple[str, str, int, int]]:
    """A name or reserved word; what is neither is reported at its first odd character."""
    word = text if text.isascii() else normalize("NFKC", text)
    if _is_name(text):
        is_constant = word in ("true", "false")
        kind = word if word in RESERVED else "CONSTANT" if is_constant else "NAME"
        yield kind, word, start, start + len(text)
        return
    good = _name_length(text)
    if good:
        yield from _words(source, text[:good], start, found)
    odd = start + good
    found.append(codes.unknown_symbol(Span(source, odd, odd + 1), text[good]))
    yield "ODD", text[good], odd, odd + 1
    if rest := text[good + 1 :]:
        yield from _rest(source, rest, odd + 1, found)


def _rest(
    source: Source, text: str, start: int, found: list[Diagnostic]
) -> Iterator[tuple[str, str, int, int]]:
    digits = len(text) - len(text.lstrip("0123456789"))
    if digits:
        yield "NUMBER", text[:digits], start, start + digits
    if text[digits:]:
        yield from _words(source, text[digits:], start + digits, found)


def _name_length(text: str) -> int:
    """How many characters at the start of the text make a name."""
    length = 0
    while length < len(text) and _is_name(text[: length + 1]):
        length += 1
    return length


def _is_name(text: str) -> bool:
    """Whether NFKC makes it an identifier; but `x²`, which it makes `x2`, is meant as a power."""
    return text.isidentifier() or (
        normalize("NFKC", text).isidentifier() and _SUPERSCRIPTS.isdisjoint(text)
    )

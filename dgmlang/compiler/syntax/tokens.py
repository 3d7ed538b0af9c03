"""Text to tokens: names, numbers, strings and symbols, each with its place; comments fall away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from math import inf
from typing import NamedTuple
from unicodedata import normalize

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span

# `true` and `false` are reserved too, as the grammar's CONSTANT.
RESERVED = frozenset(
    {"model", "use", "recipe", "extern", "for", "in", "if", "else"}
    | {"and", "or", "not", "at", "under", "from", "as"}
)

MAX_SYMBOLS = 100

# NFKC makes `x2` of `x²`, which is meant as a power.
_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹")

# What stands above functions in Python; `@` and another name is a product that goes on.
DECORATORS = (
    *(r"(?:jax|torch|numba|functools|eqx|equinox|nnx|nn|tf|pm|numpyro|pyro|dataclasses)\.\w+",),
    *("jit", "partial", "staticmethod", "classmethod", "property", "dataclass", "compact"),
)

# A note of elsewhere's ends within 2,000 characters, so that no text takes quadratic time to scan.
# A word is any run of characters that are not white space or ASCII punctuation; whether it is a
# name is `str.isidentifier`'s to say, because combining marks (x̂) are not `\w` to `re`.
_TOKEN = re.compile(
    r"""
      (?P<blank>[^\S\n]+|\ufeff)
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<note>/\*.{0,2000}?\*/|""\".{0,2000}?""\"|//(?=\s*[^\W\d]\w*[ ]+[^\W\d])[^\n]*)
    | (?P<decorator>(?:(?<=\n)|(?<=\n[ ]{2})|(?<=\n[ ]{4}))@(?:DECORATORS)\b[^\n]*)
    | (?P<number>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?)
    | (?P<quoted>“[^“”\n]*”|‘[^‘’\n]*’|'[^'\n]*')
    | (?P<word>[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f\s\ufeff]+)
    | (?P<string>"[^"\n]*")
    | (?P<foreign>[-+*/:]=|\+\+|&&|\|\||//|<>)
    | (?P<symbol>\.\.\.|\.\.|\*\*|->|\|>|[<>=!]=|[-+*/@<>=~:,.;()\[\]{}?|])
    | (?P<odd>.)
    """.replace("DECORATORS", "|".join(DECORATORS)),
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
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
    """All tokens of the text, and a diagnostic for each symbol that is none of ours.

    Of a text with very many such symbols, which is no program, there are no tokens.
    """
    found: list[Diagnostic] = []
    tokens: list[Token] = []
    fresh, blank, doc = True, True, list[str]()
    for match in _TOKEN.finditer(source.text):
        group, text = match.lastgroup, match.group()
        if group == "newline":
            doc = [] if blank else doc
            fresh = blank = True
        elif group == "note":
            found.append(codes.foreign_comment(Span(source, match.start(), match.end())))
            blank = fresh = fresh or "\n" in text
        elif group == "decorator":
            found.append(codes.decorator(Span(source, match.start(), match.end())))
            blank = False
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
            if len(found) >= MAX_SYMBOLS:
                return [], found
    return tokens, found


def comments(source: Source) -> list[tuple[int, str]]:
    """Where each comment begins, and its text: for the formatter, as the parser needs none."""
    found = (match for match in _TOKEN.finditer(source.text) if match.lastgroup == "comment")
    return [(match.start(), match.group().rstrip()) for match in found]


def _pieces(
    source: Source, match: re.Match[str], found: list[Diagnostic]
) -> Iterator[tuple[str, str, int, int]]:
    """Type, text and place of the tokens that one match stands for: one, but for odd words."""
    group, text, start, end = match.lastgroup, match.group(), match.start(), match.end()
    if group == "word":
        word = text if text.isascii() else normalize("NFKC", text)
        if word.isidentifier() and _SUPERSCRIPTS.isdisjoint(text):
            yield _kind(word), word, start, end
        else:
            yield from _odd_words(source, text, start, found)
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


def _kind(word: str) -> str:
    return word if word in RESERVED else "CONSTANT" if word in ("true", "false") else "NAME"


def _odd_words(
    source: Source, text: str, start: int, found: list[Diagnostic]
) -> Iterator[tuple[str, str, int, int]]:
    """The names, numbers and odd characters that stand side by side, as in `x²−1`."""
    for role, letters in groupby(enumerate(text, start), _role()):
        run = list(letters)
        first, last, word = run[0][0], run[-1][0] + 1, "".join(letter for _, letter in run)
        if role == "odd":
            found.append(codes.unknown_symbol(Span(source, first, last), word))
            yield "ODD", word, first, last
        else:
            yield ("NUMBER" if role == "digits" else "NAME"), normalize("NFKC", word), first, last


def _role() -> Callable[[tuple[int, str]], str]:
    """What each character of a run is, with a memory of the one before: `2` goes on a name."""
    before = "odd"

    def role(place: tuple[int, str]) -> str:
        nonlocal before
        letter = normalize("NFKC", place[1])
        goes_on = before == "name" and place[1] not in _SUPERSCRIPTS
        if letter.isidentifier() or (goes_on and ("x" + letter).isidentifier()):
            before = "name"
        elif place[1] in "0123456789":
            before = "digits"
        else:
            before = "odd"
        return before

    return role

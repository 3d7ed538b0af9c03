"""A statement's tokens as the formatter sees them: spaces, comments, brackets in brackets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.syntax.tokens import Token

PAIRS = {"(": ")", "[": "]", "{": "}"}
BINARY = ("or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "@", "**")

_CLOSERS = frozenset(PAIRS.values())
_VALUES = frozenset({"NAME", "NUMBER", "STRING", "CONSTANT", ")", "]", "}", "?", "..."})
# A comment before one of these goes behind it, where a line may break.
_BREAK_AFTER = frozenset({*BINARY, ",", "|", "=", "~", "->"})


@frozen()
class Comment:
    """`own`: it stands on a line of its own."""

    start: int
    text: str
    own: bool


@dataclass(eq=False)
class Word:
    """A token as it is printed: behind `space` where a line does not begin with it.

    `type` is the token's, but `sign` for a `+` or `-` before its only operand.
    """

    type: str
    text: str
    space: str = ""
    comments: list[Comment] = field(default_factory=list)

    @property
    def flat(self) -> str:
        return self.text

    @property
    def is_commented(self) -> bool:
        return bool(self.comments)


@dataclass(eq=False)
class Bracket:
    """`parts` end with the comma or `|` that stands behind them, the last part with none."""

    opener: Word
    parts: list[list[Element]]
    closer: Word

    @property
    def space(self) -> str:
        return self.opener.space

    @property
    def comments(self) -> list[Comment]:
        return self.opener.comments

    @property
    def flat(self) -> str:
        inside = "".join(e.space + e.flat for part in self.parts for e in part)
        return self.opener.text + inside + self.closer.space + self.closer.text

    @property
    def is_commented(self) -> bool:
        inside = any(e.is_commented for part in self.parts for e in part)
        return inside or self.opener.is_commented or self.closer.is_commented


Element = Word | Bracket


def flat(elements: Sequence[Element]) -> str:
    """One line, without the space in front."""
    return "".join(e.space + e.flat for e in elements).removeprefix(elements[0].space)


def tree(tokens: Sequence[Token], comments: Sequence[Comment]) -> list[Element]:
    """The elements of a statement; commas before a closing bracket are left out."""
    words = _words(_kept(tokens), comments)
    elements, end = _level(words, 0)
    assert end == len(words)
    return elements


def _kept(tokens: Sequence[Token]) -> list[Token]:
    """All but the commas that close a list; the one of `(a,)` makes the tuple."""
    kept: list[Token] = []
    openers: list[int] = []
    commas: list[int] = []
    for token in tokens:
        if token.type in _CLOSERS and openers:
            opener, count = openers.pop(), commas.pop()
            before = kept[opener - 1].type if opener else ""
            is_tuple = kept[opener].type == "(" and count == 1 and before not in _VALUES
            if kept[-1].type == "," and not is_tuple:
                kept.pop()
        elif token.type == "|" and kept[-1].type == ",":
            kept.pop()
        elif token.type == "," and commas:
            commas[-1] += 1
        if token.type in PAIRS:
            openers.append(len(kept))
            commas.append(0)
        kept.append(token)
    return kept[:-1] if kept[-1].type == "," else kept


def _words(tokens: Sequence[Token], comments: Sequence[Comment]) -> list[Word]:
    tight = _tight(tokens)
    words: list[Word] = []
    waiting = list(comments)
    moved: list[Comment] = []
    openers: list[int] = []
    for i, token in enumerate(tokens):
        if token.type in _CLOSERS:
            openers.pop()
        here = moved
        while waiting and waiting[0].start < token.start:
            here.append(waiting.pop(0))
        goes_behind = token.type in _BREAK_AFTER and bool(i) and tokens[i - 1].type in _VALUES
        moved = here if goes_behind else []
        inside = tokens[openers[-1]].type if openers else tokens[0].type
        is_tight = bool(openers) and openers[-1] in tight
        text = f'"{token.text}"' if token.type == "STRING" else token.text
        space = _space(tokens, i, inside, is_tight) if i else ""
        type_ = "sign" if _is_unary(tokens, i) else token.type
        words.append(Word(type_, text, space, [] if goes_behind else here))
        if token.type in PAIRS:
            openers.append(i)
    return words


def _is_unary(tokens: Sequence[Token], i: int) -> bool:
    return tokens[i].type in ("+", "-") and (not i or tokens[i - 1].type not in _VALUES)


def _tight(tokens: Sequence[Token]) -> set[int]:
    """The `[` of indices and shapes in which `+` and `-` are the only operators: `s[t-1]`."""
    tight: set[int] = set()
    openers: list[int] = []
    for i, token in enumerate(tokens):
        if token.type in _CLOSERS:
            openers.pop()
        elif token.type in PAIRS:
            if token.type == "[" and i and tokens[i - 1].type in _VALUES:
                tight.add(i)
            openers.append(i)
        elif openers:
            after_operator = _is_unary(tokens, i) and tokens[i - 1].type not in ("[", ",", ":")
            other = token.type in {*BINARY, "if", "else", "not", "|>"} - {"+", "-"}
            if other or after_operator:
                tight.discard(openers[-1])
    return tight


def _space(tokens: Sequence[Token], i: int, inside: str, is_tight: bool) -> str:
    """What stands before token `i` on one line; `inside` is the bracket or statement around it."""
    before, token = tokens[i - 1].type, tokens[i].type
    if before == "{" or token in ("{", "}"):
        return " "
    if token in _CLOSERS | {",", "...", "?", "."} or before in {"(", "[", "."}:
        return ""
    if before == ",":
        return " "
    if ":" in (before, token):
        declares = inside in ("data", "latent", "given", "param", "extern")
        return " " if declares or (before == ":" and inside != "[") else ""
    if ".." in (before, token):
        return ""
    if _is_unary(tokens, i - 1):
        return " " if before == token == "+" else ""
    if token in ("(", "["):
        return "" if before in _VALUES | {"critic"} else " "
    is_sum = (token if token in ("+", "-") else before) in ("+", "-")
    return "" if is_tight and is_sum else " "


def _level(words: list[Word], i: int) -> tuple[list[Element], int]:
    """The elements from `i` to the end or to the closing bracket, and where that is."""
    elements: list[Element] = []
    while i < len(words) and words[i].type not in _CLOSERS:
        word = words[i]
        if word.type in PAIRS:
            inside, i = _level(words, i + 1)
            elements.append(Bracket(word, _parts(inside), words[i]))
        else:
            elements.append(word)
        i += 1
    return elements, i


def _parts(elements: list[Element]) -> list[list[Element]]:
    parts: list[list[Element]] = [[]]
    for element in elements:
        parts[-1].append(element)
        if isinstance(element, Word) and element.type in (",", "|"):
            parts.append([])
    return [part for part in parts if part]

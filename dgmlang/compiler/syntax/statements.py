"""Tokens to statements: where a statement ends, and which statements stand inside which.

A newline or `;` ends a statement exactly where the innermost open bracket is `{` or none, the last
token can end an expression, and the next can start a statement (LANGUAGE.md, section 3). The `{`
of a declaration holds statements; the `{` of a stage (`repeat(n) { … }`) holds one expression, in
which no statement can start, so a newline there has nothing to end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.tokens import Token

ROLES = frozenset(
    {
        "data",
        "latent",
        "given",
        "param",
        "let",
        "net",
        "energy",
        "score",
        "guide",
        "critic",
        "noise",
    }
)
HEADS = frozenset({"model", "for", "guide", "noise", "recipe"})  # these have a body
STARTERS = ROLES | {"model", "use", "recipe", "extern", "for"}
# These are keywords only behind an expression or a type.
CONTEXTUAL = frozenset({"shared", "raw", "with", "requires"})

BRANCHES = ("else", "elif")
"""Words that begin a further branch of an `if` statement, which is none of ours."""

MAX_BRACKETS = 100

_CLOSER = {"(": ")", "[": "]", "{": "}"}
_ENDERS = CONTEXTUAL | {"NAME", "NUMBER", "STRING", "CONSTANT", ")", "]", "}", "?", "...", "ODD"}


@dataclass
class Piece:
    """One statement: its tokens and, where it has a body, the brace and the statements inside.

    `broken`: something in it is reported already, so no error of the grammar is to be added.
    """

    tokens: list[Token] = field(default_factory=list)
    brace: Token | None = None
    body: list[Piece] | None = None
    broken: bool = False
    end: int = 0


def cut(source: Source, tokens: list[Token]) -> tuple[list[Piece], list[Diagnostic]]:
    """The statements of a file, and a diagnostic for each bracket without its partner."""
    cutter = _Cutter(source, _matched(tokens))
    for token, after in zip_longest(tokens, tokens[1:]):
        if cutter.is_full:
            break
        cutter.feed(token, after)
    cutter.close()
    return cutter.top, cutter.found


class _Cutter:
    """`blocks` are the open declarations, `inner` the brackets open inside the current statement.

    `suspect`: a brace that was closed by a `}` further left than its line, hence perhaps another's.
    `closed`: the `}` of a body, until a token follows it. `is_full`: too deep to read on.
    `matched`: every bracket has its partner, so where lines begin says nothing.
    """

    def __init__(self, source: Source, matched: bool) -> None:
        self.source = source
        self.matched = matched
        self.found: list[Diagnostic] = []
        self.top: list[Piece] = []
        self.blocks: list[Piece] = []
        self.current = Piece()
        self.inner: list[Token] = []
        self.suspect: Token | None = None
        self.closed: Token | None = None
        self.is_full = False

    def feed(self, token: Token, after: Token | None) -> None:
        """Takes the next token; `after` is the one behind it."""
        self._finish_before(token, after)
        if token.type == ";" and not self.inner:
            self.closed = None
            return
        if token.type == "{" and not self.inner and self._is_head():
            self._open(token)
        elif token.type in (")", "]", "}"):
            self._pop(token)
        else:
            self._append(self._keyword(token, after))
            if token.type in _CLOSER:
                self.inner.append(token)
                self._limit(token)

    def close(self) -> None:
        """The end of the file."""
        if self.inner and not self.is_full:
            self._unclosed(self.inner[-1], None)
        self._finish()
        if self.blocks and not self.is_full:
            brace = self.suspect or self.blocks[-1].brace
            self._unclosed(brace, None)
            self.current.broken = False
        while self.blocks:
            self._leave(len(self.source.text))

    # ── where a statement ends ───────────────────────────────────────────────────────────────────

    def _finish_before(self, token: Token, after: Token | None) -> None:
        """Ends the statement, and bodies that were never closed, where this token cannot go on."""
        if token.type == ";":
            if not self.inner:
                self._finish()
        elif token.fresh and self.inner:
            if _declares(token, after):
                self._rescue(token)
        elif token.fresh and self._is_over(token, after):
            if self._is_head() and self._column(token) > self._column(self.current.tokens[0]):
                self._open_unseen()
            elif self._is_foreign_head(token):
                self._open_without_a_word()
            else:
                self._finish()
        if token.fresh and not self.current.tokens:
            while self.blocks and self._ends_body(token, after):
                self._unclosed(self.blocks[-1].brace, token)
                self.current.broken = False
                self._leave(token.start)

    def _rescue(self, token: Token) -> None:
        """A declaration begins inside brackets: they were never closed, or open a body after all.

        The latter is `class VAE { … }` and `model VAE(d: int { … }`: what is wrong there is the
        head, so the body is read on.
        """
        brace = self.current.tokens[-1]
        if brace.type == "{" and len(self.current.tokens) > 1:
            self.current.tokens.pop()
            self.inner.pop()
            if self.inner:
                self._unclosed(self.inner[-1], brace)
                self.inner.clear()
            self._open(brace)
        else:
            self._unclosed(self.inner[-1], token)
            self._finish()

    def _ends_body(self, token: Token, after: Token | None) -> bool:
        """Whether a line shows that the innermost body was meant to end before it."""
        if token.type == "model":
            return after is not None and after.type == "NAME"
        head = self.blocks[-1].tokens[0]
        outside = head.type in ("guide", "noise", "recipe", "for") and not self.matched
        return outside and _declares(token, after) and self._column(token) <= self._column(head)

    def _is_over(self, token: Token, after: Token | None) -> bool:
        """The newline rule; and a declaration begins even where something is still missing."""
        if not self.current.tokens:
            return False
        if self._goes_on(token):
            return False
        starts = _can_start(token) or is_branch(token, after)
        return (self._can_end() and starts) or _declares(token, after)

    def _goes_on(self, token: Token) -> bool:
        """`with` and `requires` begin no statement: they may stand below the head of an extern."""
        is_extern = self.current.tokens[0].type == "extern" and not self.inner
        return is_extern and token.text in ("with", "requires")

    def _can_end(self) -> bool:
        return self.current.tokens[-1].type in _ENDERS

    def _finish(self) -> None:
        self.inner.clear()
        if self.current.tokens:
            self.current.end = self.current.tokens[-1].end
            self._statements().append(self.current)
        self.current = Piece()

    # ── tokens and brackets ──────────────────────────────────────────────────────────────────────

    def _keyword(self, token: Token, after: Token | None) -> Token:
        """Gives the words that are keywords only in some places the type that they have here."""
        tokens = self.current.tokens
        if token.type == "model" and tokens and tokens[0].type == "extern":
            return token._replace(type="NAME")  # a facet's value: `requires score >= model`
        if token.type != "NAME":
            return token
        following = after.type if after else None
        if following == "[" and after and after.start > token.end:
            following = None  # `energy [a, b] @ x`
        if tokens:
            is_keyword = token.text in CONTEXTUAL and not self.inner and self._can_end()
        elif token.text in ROLES:
            is_keyword = following not in ("=", "~", "[") or not self._in_names()
        else:
            is_keyword = (token.text, following) in (("prepare", "NAME"), ("dgm", "NUMBER"))
        return token._replace(type=token.text) if is_keyword else token

    def _in_names(self) -> bool:
        """Whether lines begin with names here: a guide's variables, a recipe's keys."""
        return any(block.tokens[0].type in ("guide", "noise", "recipe") for block in self.blocks)

    def _append(self, token: Token) -> None:
        is_behind = self.closed and not token.fresh and not self.current.tokens
        if self.closed and is_behind and token.text not in BRANCHES:
            self._report(codes.no_newline(self._span(token), self._span(self.closed)))
        self.closed = None
        self.current.tokens.append(token)
        self.current.broken |= token.type == "ODD"

    def _is_head(self) -> bool:
        return bool(self.current.tokens) and self.current.tokens[0].type in HEADS

    def _open(self, brace: Token) -> None:
        self.current.brace, self.current.body = brace, []
        self.blocks.append(self.current)
        self._limit(brace)
        self.current = Piece()

    def _open_unseen(self) -> None:
        """A head without its brace, and indented lines below: they are its body all the same."""
        end = self.current.tokens[-1].end
        unseen = Span(self.source, end, end)
        self._report(codes.no_body(unseen, self.current.tokens[0].text))
        self._open_without_a_word()

    def _is_foreign_head(self, token: Token) -> bool:
        """`class A:` or `def f():` above indented lines, which are no statements of the file."""
        first, last = self.current.tokens[0], self.current.tokens[-1]
        indented = self._column(token) > self._column(first)
        return first.type == "NAME" and last.type == ":" and indented and not self.blocks

    def _open_without_a_word(self) -> None:
        """The head itself is reported when it is parsed."""
        end = self.current.tokens[-1].end
        self._open(Token("{", "", end, end))

    def _pop(self, token: Token) -> None:
        if token.type in [_CLOSER[opener.type] for opener in self.inner]:
            while _CLOSER[self.inner[-1].type] != token.type:
                self._unclosed(self.inner.pop(), token)
            self.inner.pop()
            self._append(token)
        elif token.type == "}" and self.blocks:
            if self.inner:
                self._unclosed(self.inner[-1], token)
            self._finish()
            brace = self.blocks[-1].brace
            if token.fresh and brace and self._column(token) < self._indent(brace):
                self.suspect = self.suspect or brace
            self._leave(token.end)
            self.closed = token
        elif self.inner:
            opener = self.inner.pop()
            wanted = _CLOSER[opener.type]
            self._report(codes.mismatched(self._span(token), self._span(opener), wanted))
        else:
            self._report(codes.unopened(self._span(token)))

    def _leave(self, end: int) -> None:
        piece = self.blocks.pop()
        piece.end = end
        self._statements().append(piece)

    def _statements(self) -> list[Piece]:
        body = self.blocks[-1].body if self.blocks else self.top
        assert body is not None
        return body

    # ── what is wrong ────────────────────────────────────────────────────────────────────────────

    def _limit(self, token: Token) -> None:
        if len(self.inner) + len(self.blocks) == MAX_BRACKETS:
            self._report(codes.too_deep(self._span(token), MAX_BRACKETS))
            self.is_full = True

    def _unclosed(self, opener: Token | None, token: Token | None) -> None:
        assert opener is not None
        if not opener.text:
            return  # never seen, and reported for that
        found = self._span(token) if token else None
        self._report(codes.unclosed(self._span(opener), _CLOSER[opener.type], found))

    def _report(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        self.current.broken = True

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def _column(self, token: Token) -> int:
        return self.source.position(token.start)[1]

    def _indent(self, token: Token) -> int:
        """The column at which the token's line begins."""
        line = self.source.line(self.source.position(token.start)[0])
        return len(line) - len(line.lstrip()) + 1


def _matched(tokens: list[Token]) -> bool:
    """Whether every bracket of a text has its partner."""
    opened: list[str] = []
    for token in tokens:
        if token.type in _CLOSER:
            opened.append(_CLOSER[token.type])
        elif token.type in _CLOSER.values() and (not opened or opened.pop() != token.type):
            return False
    return not opened


def _can_start(token: Token) -> bool:
    return token.type == "NAME" or token.type in STARTERS


def is_branch(token: Token, after: Token | None) -> bool:
    """`else:`, `else {`, `else if`: a branch of an `if` statement, which elsewhere has."""
    return token.type == "else" and after is not None and after.type in (":", "{", "if")


def _declares(token: Token, after: Token | None) -> bool:
    """Two words on a line, the first a declaration's: no expression goes on like that."""
    is_word = token.text in STARTERS and _can_start(token)
    return is_word and after is not None and after.type == "NAME" and not after.fresh

"""Tokens to statements: where a statement ends, and which statements stand inside which.

A newline or `;` ends a statement exactly where the innermost open bracket is `{` or none, the last
token can end an expression, and the next can start a statement (LANGUAGE.md, section 3). The `{`
of a declaration holds statements; the `{` of a stage (`repeat(n) { … }`) holds one expression, in
which nothing starts a statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.tokens import Token

ROLES = frozenset("data latent given param let net energy score guide critic noise".split())
HEADS = frozenset("model for guide noise recipe".split())
STARTERS = ROLES | frozenset("model use recipe extern for".split())
CONTEXTUAL = frozenset("shared raw with requires".split())  # keywords only behind an expression

MAX_BRACKETS = 100

_CLOSER = {"(": ")", "[": "]", "{": "}"}
_ENDERS = frozenset({"NAME", "NUMBER", "STRING", "CONSTANT", ")", "]", "}", "?", "...", "ODD"})


@dataclass
class Piece:
    """One statement: its tokens and, where it has a body, the statements inside.

    `broken`: something in it is reported already, so no error of the grammar is to be added.
    """

    tokens: list[Token] = field(default_factory=list)
    body: list[Piece] | None = None
    broken: bool = False
    end: int = 0


def cut(source: Source, tokens: list[Token]) -> tuple[list[Piece], list[Diagnostic]]:
    """The statements of a file, and a diagnostic for each bracket without its partner."""
    cutter = _Cutter(source)
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        cutter.feed(token, after)
    cutter.close()
    return cutter.top, cutter.found


class _Cutter:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.top: list[Piece] = []
        self.blocks: list[tuple[Piece, Token]] = []
        self.current = Piece()
        self.inner: list[Token] = []
        self.glued: Token | None = None

    # ── one token ────────────────────────────────────────────────────────────────────────────────

    def feed(self, token: Token, after: Token | None) -> None:
        self._finish_before(token, after)
        if token.type == ";" and not self.inner:
            return
        if token.type == "{" and not self.inner and self._head_is_open():
            self._open(token)
        elif token.type in _CLOSER:
            self._push(token)
        elif token.type in (")", "]", "}"):
            self._pop(token)
        else:
            self._append(self._keyword(token, after))

    def _finish_before(self, token: Token, after: Token | None) -> None:
        """Ends the statement where this token cannot belong to it."""
        if self.inner:
            if token.fresh and _declares(token, after):
                self._unclosed(self.inner[0], token)
                self._finish()
        elif token.type == ";" or (token.fresh and self._can_end() and _can_start(token)):
            self._finish()
        if token.type == "model" and token.fresh and self.blocks:
            self._unclosed(self.blocks[0][1], token)
            self._finish()
            self.blocks.clear()

    def _can_end(self) -> bool:
        tokens = self.current.tokens
        return bool(tokens) and (tokens[-1].type in _ENDERS or tokens[-1].type in CONTEXTUAL)

    def _keyword(self, token: Token, after: Token | None) -> Token:
        """Marks the words that are keywords only here."""
        if token.type != "NAME":
            return token
        following = after.type if after else None
        if not self.current.tokens:
            is_role = token.text in ROLES and following not in ("=", "~", "[")
            is_setting = token.text == "prepare" and following == "NAME"
            is_version = token.text == "dgm" and following == "NUMBER"
            is_keyword = is_role or is_setting or is_version
        else:
            is_keyword = token.text in CONTEXTUAL and not self.inner and self._can_end()
        return replace(token, type=token.text) if is_keyword else token

    # ── brackets ─────────────────────────────────────────────────────────────────────────────────

    def _head_is_open(self) -> bool:
        return bool(self.current.tokens) and self.current.tokens[0].type in HEADS

    def _open(self, token: Token) -> None:
        self.current.body = []
        self._too_deep(token)
        self.blocks.append((self.current, token))
        self.current = Piece()

    def _push(self, token: Token) -> None:
        self._append(token)
        self.inner.append(token)
        self._too_deep(token)

    def _too_deep(self, token: Token) -> None:
        if len(self.inner) + len(self.blocks) == MAX_BRACKETS:
            self._report(codes.too_deep(self._span(token), MAX_BRACKETS))

    def _pop(self, token: Token) -> None:
        wanted = [_CLOSER[opener.type] for opener in self.inner]
        if token.type in wanted:
            while _CLOSER[self.inner[-1].type] != token.type:
                self._unclosed(self.inner.pop(), token)
            self.inner.pop()
            self._append(token)
        elif token.type == "}" and self.blocks:
            if self.inner:
                self._unclosed(self.inner[0], token)
            self._finish()
            self._leave(token)
        else:
            opener = self._span(self.inner[-1]) if self.inner else None
            self._report(codes.unopened(self._span(token), opener))

    def _leave(self, token: Token) -> None:
        piece, _ = self.blocks.pop()
        piece.end = token.end
        self._statements().append(piece)
        self.glued = token

    def _unclosed(self, opener: Token, token: Token | None) -> None:
        found = self._span(token) if token else None
        self._report(codes.unclosed(self._span(opener), _CLOSER[opener.type], found))

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def _append(self, token: Token) -> None:
        if not self.current.tokens and self.glued and not token.fresh:
            self._report(codes.no_newline(self._span(token), self._span(self.glued)))
            self.current.broken = False
        self.glued = None
        self.current.tokens.append(token)
        self.current.broken |= token.type == "ODD"

    def _finish(self) -> None:
        self.inner.clear()
        self.glued = None
        if self.current.tokens or self.current.broken:
            self.current.end = self.current.tokens[-1].end if self.current.tokens else 0
            self._statements().append(self.current)
        self.current = Piece()

    def close(self) -> None:
        """The end of the file."""
        if self.inner:
            self._unclosed(self.inner[0], None)
        self._finish()
        if self.blocks:
            self._unclosed(self.blocks[-1][1], None)
        while self.blocks:
            piece, _ = self.blocks.pop()
            piece.end = len(self.source.text)
            self._statements().append(piece)

    def _statements(self) -> list[Piece]:
        body = self.blocks[-1][0].body if self.blocks else self.top
        assert body is not None
        return body

    def _report(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        self.current.broken = True

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)


def _can_start(token: Token) -> bool:
    return token.type == "NAME" or token.type in STARTERS


def _declares(token: Token, after: Token | None) -> bool:
    """Two words side by side, the first a declaration's: no expression goes on like that."""
    is_word = token.text in STARTERS and token.type in (token.text, "NAME")
    return is_word and after is not None and after.type == "NAME"

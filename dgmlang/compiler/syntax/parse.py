"""Text to tree. Each statement is parsed by itself, so an error in one hides none in the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.build import BuildExpressions, BuildStatements
from dgmlang.compiler.syntax.lalr import Builder, Unexpected, load_tables, run
from dgmlang.compiler.syntax.statements import Piece, cut
from dgmlang.compiler.syntax.tokens import scan

MAX_DEPTH = 150


def parse(source: Source) -> tuple[ast.File, tuple[Diagnostic, ...]]:
    """The tree of a whole text, without the statements that do not parse, and what is wrong."""
    tokens, found = scan(source)
    pieces, unmatched = cut(source, tokens)
    parser = _Parser(source, [*found, *unmatched])
    statements = parser.statements(pieces, "file_line", "")
    version = None
    if statements and isinstance(statements[0], ast.Number):
        version, statements = int(statements[0].value), statements[1:]
    file = ast.File(version, statements, span=Span(source, 0, len(source.text)))
    return file, tuple(sorted(parser.found, key=lambda d: d.labels[0].span.start))


class _Parser:
    def __init__(self, source: Source, found: list[Diagnostic]) -> None:
        self.source, self.found = source, found

    def statements(self, pieces: list[Piece], start: str, role: str) -> tuple[Any, ...]:
        parsed = (self._statement(piece, start, role) for piece in pieces)
        return tuple(statement for statement in parsed if statement is not None)

    def _statement(self, piece: Piece, start: str, role: str) -> ast.Node | None:
        if not piece.tokens:
            return None
        doc = piece.tokens[0].doc
        node = None if piece.broken else self._run(piece, start, BuildStatements(self.source, doc, role))
        if piece.body is None:
            return node
        word = piece.tokens[0].type
        inner = {"model": "model_line", "recipe": "recipe_line", "for": start}.get(word, "guide_line")
        body = self.statements(piece.body, inner, word if inner == "guide_line" != start else role)
        if node is None:
            return None
        field = "settings" if isinstance(node, ast.Recipe) else "body"
        span = Span(self.source, node.span.start, piece.end)
        return replace(node, span=span, **{field: body})

    def _run(self, piece: Piece, start: str, build: Builder) -> Any:
        try:
            slot = run(load_tables(), start, piece.tokens, build)
        except Unexpected as error:
            self.found.append(self._words(error))
            return None
        if slot.depth > MAX_DEPTH:
            self.found.append(codes.too_deep(Span(self.source, slot.start, slot.end), MAX_DEPTH))
            return None
        return slot.value

    def _words(self, error: Unexpected) -> Diagnostic:
        token = error.token
        place = token or error.before
        span = Span(self.source, place.start, place.end)
        found = f"`{span.text}`" if token else "the end"
        return codes.unexpected(span, tuple(sorted(error.expected)), found)

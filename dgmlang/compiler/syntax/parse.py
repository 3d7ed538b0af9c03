"""Text to tree. Each statement is parsed by itself, so an error in one hides none in the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from dgmlang.compiler.diagnostics import stan
from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, instead
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.build_expressions import BuildExpressions
from dgmlang.compiler.syntax.build_statements import BuildStatements
from dgmlang.compiler.syntax.diagnose import diagnose, foreign
from dgmlang.compiler.syntax.lalr import TooDeep, Unexpected, load_tables, run
from dgmlang.compiler.syntax.scripts import settle_names
from dgmlang.compiler.syntax.statements import BRANCHES, HEADS, Piece, cut
from dgmlang.compiler.syntax.tokens import Token, scan

MAX_CHARACTERS = 1_000_000
MAX_FINDINGS = 100  # nobody reads on
MAX_DEPTH = 150  # the later stages recurse over the tree

_INSIDE = {
    "model": "model_line",
    "recipe": "recipe_line",
    "guide": "guide_line",
    "noise": "guide_line",
}


def parse(source: Source) -> tuple[ast.File, tuple[Diagnostic, ...]]:
    """The tree of a whole text, without the statements that do not parse, and what is wrong."""
    whole = Span(source, 0, len(source.text))
    if len(source.text) > MAX_CHARACTERS:
        beyond = Span(source, MAX_CHARACTERS, MAX_CHARACTERS + 1)
        return ast.File(None, (), span=whole), (codes.too_long(beyond, MAX_CHARACTERS),)
    if place := stan.begins(source.text):
        head = Span(source, *place)
        return ast.File(None, (), span=whole), (codes.of_stan(head, stan.translated(source.text)),)
    tokens, odd = scan(source)
    tokens, confusing = settle_names(source, tokens)
    pieces, unmatched = cut(source, tokens)
    parser = _Parser(source, [*odd, *confusing, *unmatched])
    if unmatched:
        parser.lost.update(_names(tokens))  # which statement each stands in is not known
    if not pieces and not parser.found:
        end = len(source.text.rstrip())
        parser.found.append(codes.empty(Span(source, end, end)))
    version = parser.version(pieces)
    statements = parser.statements(pieces[1:] if version else pieces, "file_line", "")
    tree = ast.File(version, statements, frozenset(parser.lost), span=whole)
    return tree, parser.findings()


def parse_expression(
    source: Source, *, sites: bool = False, paths: bool = False
) -> tuple[ast.Expr | None, tuple[Diagnostic, ...]]:
    """One expression, as in `--objective "elbo(samples = 4)"`; None where it does not parse.

    `sites`: it may name the samplers of single sites, `ancestral(z: mala)`. `paths`: what stands in
    quotes is a name of the outside world, as a run folder's.
    """
    tokens, found = scan(source)
    tokens = _paths_as_names(tokens) if paths else tokens
    parser = _Parser(source, found)
    if not tokens:
        whole = Span(source, 0, len(source.text))
        found.append(codes.unexpected(whole, ("an expression",), "nothing", None))
    build = BuildExpressions(source)
    value = None if found else parser.run(Piece(tokens), "expression", build)
    parser.misplaced([] if sites else build.sites)
    return value, parser.findings()


def _paths_as_names(tokens: Sequence[Token]) -> list[Token]:
    """What stands in quotes as a name, of something in the outside world."""
    return [t._replace(type="NAME") if t.type == "STRING" and t.text else t for t in tokens]


class _Parser:
    """Collects what is wrong on the way, and the names that what does not parse may declare."""

    def __init__(self, source: Source, found: list[Diagnostic]) -> None:
        self.source, self.found = source, found
        self.lost: set[str] = set()

    def findings(self) -> tuple[Diagnostic, ...]:
        found = sorted(self.found, key=lambda d: d.labels[0].span.start)
        return tuple(found[:MAX_FINDINGS])

    def version(self, pieces: list[Piece]) -> int | None:
        """The version in the first line, None where the file begins without."""
        if not pieces or [t.type for t in pieces[0].tokens] != ["dgm", "NUMBER"]:
            return None
        number = pieces[0].tokens[1]
        if number.text != "1":
            self.found.append(codes.unknown_version(Span(self.source, number.start, number.end)))
        return 1

    def statements(self, pieces: list[Piece], start: str, role: str) -> tuple[Any, ...]:
        """The statements that parse; `start` is the grammar's name for where they stand."""
        written = _without_branches([piece for piece in pieces if piece.tokens])
        parsed = {id(piece): self._statement(piece, start, role) for piece in written}
        self.lose([piece for piece in pieces if piece.tokens and parsed.get(id(piece)) is None])
        return tuple(statement for statement in parsed.values() if statement is not None)

    def lose(self, pieces: Sequence[Piece]) -> None:
        """Keeps the names that statements declare which are left out."""
        for piece in pieces:
            self.lost.update(_declared(piece.tokens))
            self.lose(piece.body or [])

    def _statement(self, piece: Piece, start: str, role: str) -> ast.Node | None:
        first = piece.tokens[0]
        if start == "recipe_line" and first.text == "objective":
            # `objective = "mle"` is left for the grammar to refuse.
            whole, settings = piece.tokens[:3], piece.tokens[3:]
            piece = replace(piece, tokens=[*whole, *_paths_as_names(settings)])
        build = BuildStatements(self.source, first.doc, role)
        node = self._of_elsewhere(piece, start) if piece.broken else self.run(piece, start, build)
        sampler = isinstance(node, ast.Setting) and node.key == "sampler"
        self.misplaced([] if sampler else build.sites)
        if piece.body is None:
            if node is not None and first.type in HEADS:
                place = Span(self.source, piece.tokens[-1].end, piece.tokens[-1].end)
                self.found.append(codes.no_body(place, first.text))
            return node
        inside = _INSIDE.get(first.type, start if first.type == "for" else "model_line")
        role = first.type if first.type in ("guide", "noise") else role
        body = self.statements(piece.body, inside, role)
        if node is None:
            return None
        field = "settings" if isinstance(node, ast.Recipe) else "body"
        if not hasattr(node, field) or isinstance(node, ast.Net):
            brace = self.source.text.find("{", node.span.end)
            place = Span(self.source, brace, brace + 1)
            self.found.append(codes.unexpected(place, ("the end of the line",), "`{`", None))
            return node
        span = Span(self.source, node.span.start, piece.end)
        return replace(node, span=span, **{field: body})

    def _of_elsewhere(self, piece: Piece, start: str) -> None:
        """One finding for a line of another language, in place of one for each of its symbols."""
        found = foreign(self.source, start, piece)
        if found is None:
            return
        first, last = piece.tokens[0].start, piece.tokens[-1].end
        symbols = [
            d for d in self.found if d.code == "DGM0102" and first <= d.labels[0].span.start < last
        ]
        if symbols:
            self.found = [*(d for d in self.found if d not in symbols), found]

    def misplaced(self, colons: list[Span]) -> None:
        """Finds `name: value` where arguments are `name = value`."""
        expected = ("an operator", "`)`", "`,`", "`...`", "`=`")
        self.found += [
            codes.unexpected(at, expected, "`:`", "write `=`", instead(at, " =")) for at in colons
        ]

    def run(self, piece: Piece, start: str, build: BuildExpressions) -> Any:
        """The tree of one statement without its body, None where it does not parse."""
        try:
            value, depth = run(load_tables(), start, piece.tokens, build)
        except Unexpected as error:
            self.found.append(diagnose(self.source, start, piece, error))
            return None
        except TooDeep:
            value, depth = None, MAX_DEPTH + 1
        if depth > MAX_DEPTH:
            span = Span(self.source, piece.tokens[0].start, piece.tokens[-1].end)
            self.found.append(codes.too_deep(span, MAX_DEPTH))
            return None
        return value


def _names(tokens: Iterable[Token]) -> set[str]:
    """What is named; in quotes too, as in `numpyro.sample("z", …)`."""
    return {token.text.strip("\"'") for token in tokens if token.type in ("NAME", "STRING")}


def _declared(tokens: Sequence[Token]) -> set[str]:
    """The names that a statement may declare which does not parse: those that stand first in it."""
    if tokens[0].type in ("energy", "score", "critic"):
        return set()
    if tokens[0].type in ("use", "for"):
        return _names(tokens)
    ends = ("(", ":", "=", "~") if tokens[0].type in ("net", "model") else (":", "=", "~")
    return _names(takewhile(lambda token: token.type not in ends, tokens))


def _without_branches(pieces: list[Piece]) -> list[Piece]:
    """The statements but for the `else:` and `elif …:` of an `if …:`, which is one mistake."""
    kept: list[Piece] = []
    is_branching = False
    for piece in pieces:
        first = piece.tokens[0]
        is_branch = is_branching and first.text in BRANCHES
        is_branching = is_branching or any(t.type == "if" and t.fresh for t in piece.tokens)
        kept += [] if is_branch else [piece]
    return kept

"""The standard library is read piece by piece, and the pieces are the whole."""

from __future__ import annotations

from importlib.resources import files

import pytest

from dgmlang.compiler import library as libraries
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.shelves import shelves
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse


def whole() -> dict[tuple[str, str], ast.Extern | ast.Model]:
    """Every statement by kind and name, each file parsed at once."""
    found: dict[tuple[str, str], ast.Extern | ast.Model] = {}
    for path in files("dgmlang.stdlib").iterdir():
        if path.name.endswith(".dgm"):
            tree, wrong = parse(Source(f"stdlib/{path.name}", path.read_text(encoding="utf-8")))
            assert not wrong
            for s in tree.statements:
                assert isinstance(s, ast.Extern | ast.Model)
                key = (s.kind if isinstance(s, ast.Extern) else "model", s.name)
                assert key not in found
                found[key] = s
    return found


def test_the_pieces_are_the_whole() -> None:
    held = {(k, n): e for k, shelf in library().externs.items() for n, e in shelf.items()}
    models = {("model", n): m for n, m in library().models.items()}
    expected = whole()
    assert held.keys() | models.keys() == expected.keys()
    for key, statement in expected.items():
        found = models.get(key) or held[key]
        assert found.doc == statement.doc
        assert found.span.text == statement.span.text
        assert found.span.line == statement.span.line
        assert found.span.source.name == statement.span.source.name
        if isinstance(found, Extern):
            assert isinstance(statement, ast.Extern)
            assert list(found.properties) == [p.name for p in statement.properties]


def test_a_small_program_reads_little(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = libraries.library.__wrapped__()
    for name in ("compiler.derive.capabilities", "compiler.types.laws", "compiler.types.stages"):
        monkeypatch.setattr(f"dgmlang.{name}.library", lambda: fresh, raising=False)
    compile_text("model M { param p : unit\n data x : bit ~ Bernoulli(p) }")
    books = [
        b for kind in ("dist", "layer", "bijection") for b in fresh.externs[kind].books.values()
    ]
    assert sum("read" in vars(b) for b in books) < len(books) / 4


def test_a_statement_is_read_once() -> None:
    made: list[ast.Statement] = []
    shelf = shelves(lambda s: made.append(s) or s)["dist"]
    assert made == []
    assert shelf["Normal"] is shelf["Normal"]
    assert len(made) == 1

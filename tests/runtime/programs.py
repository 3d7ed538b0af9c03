"""Programs and expressions for the tests of data, as the front end reads them."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.pipeline import program
from dgmlang.compiler.program import Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression


def variables(text: str) -> tuple[Variable, ...]:
    """The variables that data bring, of a model with these declarations."""
    head, _, body = text.rpartition("|")
    source = Source("model.dgm", f"model M({head.strip()}) {{\n  {body.strip()}\n}}\n")
    return program(source, Report(), {}).having("data", "given")


def expression(text: str) -> ast.Expr:
    found, wrong = parse_expression(Source("<prepare>", text))
    assert found is not None, wrong
    return found


def prepare(**texts: str) -> Mapping[str, ast.Expr]:
    return {name: expression(text) for name, text in texts.items()}

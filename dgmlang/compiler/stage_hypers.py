"""Hyperparameters of kind `net` and `stage`: chains of stages, put in where their name stands.

Such a one is a `let` of the model whose chain whoever instantiates the model writes: its default,
`--set "f=mlp([64])"`, a keyword of `load` (a text), or `f = mlp([64])` where the model is a law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim

KINDS = ("net", "stage")


def lets(
    model: ast.Model, settings: Mapping[str, Any], report: Report
) -> tuple[dict[str, str | None], dict[str, ast.Let]]:
    """The text of each such hyperparameter, None where it is wrong (DGM0206), and what it means.

    Args:
        model: The model.
        settings: Values that were given: texts, or syntax where another model gives them.
        report: Takes what is wrong.
    """
    texts: dict[str, str | None] = {}
    found: dict[str, ast.Let] = {}
    for hyper in (h for h in model.hypers if h.type.kind in KINDS):
        node = _written(hyper, settings.get(hyper.name), report)
        texts[hyper.name] = None if node is None else " ".join(node.span.text.split())
        if node is not None:
            found[hyper.name] = ast.Let((hyper.name,), None, (), node, span=hyper.span)
    return texts, found


def _written(hyper: ast.Hyper, setting: Any, report: Report) -> ast.Expr | None:
    from dgmlang.compiler.syntax.parse import parse_expression

    node = hyper.default if setting is None else setting
    if isinstance(node, str):
        node, wrong = parse_expression(Source(hyper.name, node))
        for diagnostic in wrong:
            report.say(diagnostic)
        if wrong:
            return None
    if hyper.type.shape is None and _is_chain(node):
        return node
    shown = node.span.text if isinstance(node, ast.Expr) else None if node is None else repr(node)
    report.say(codes.stage_wanted(hyper.span, hyper.name, hyper.type.kind, shown))
    return None


def _is_chain(node: Any) -> bool:
    if isinstance(node, ast.Pipe):
        return _is_chain(node.value) and _is_chain(node.stage)
    function = node.function if isinstance(node, ast.Call) else node
    return isinstance(function, ast.Name)


def closed(node: Any, values: Mapping[str, Any]) -> Any:
    """The chain as another model may read it: names of compile-time values are their values."""
    if isinstance(node, tuple):
        return tuple(closed(item, values) for item in node)
    if isinstance(node, ast.Name) and node.id in values:
        return _literal(node, values[node.id])
    if not isinstance(node, ast.Node):
        return node
    return replace(node, **{f.name: closed(getattr(node, f.name), values) for f in fields(node)})


def _literal(node: ast.Name, value: Any) -> ast.Expr:
    if isinstance(value, Dim):
        value = value.value
    if isinstance(value, tuple):
        return ast.Sequence(tuple(_literal(node, v) for v in value), span=node.span)
    if isinstance(value, str):
        return ast.Name(value, span=node.span)
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return ast.Number(value, span=node.span) if plain else node

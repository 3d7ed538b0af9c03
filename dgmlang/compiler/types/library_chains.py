"""Chains that the library writes in the language itself: `realnvp(8)`, put in where they stand.

`extern chain NAME(parameters) … with means(CHAIN)`. They are stages of the place where they are put
in, as those of a `let` are: each use has parameters of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.settings import settings_of


def stages() -> Mapping[str, Extern]:
    """What may stand behind `|>`, chains of stages too."""
    return library().space("layer", "bijection", "chain")


def chain_named_by(node: ast.Expr) -> Extern | None:
    """The library's chain that a stage's name means, if it means one."""
    function = node.function if isinstance(node, ast.Call) else node
    return library().space("chain").get(function.id) if isinstance(function, ast.Name) else None


def put_in(
    node: ast.Expr, extern: Extern, source: Type, scope: Scope
) -> tuple[ast.Expr, Scope] | None:
    """What a chain means, and the scope that it is read in; None, with a message, if misused.

    There its parameters have values, and no name means what the program calls so.
    """
    block = node.block if isinstance(node, ast.Call) else None
    if block is not None:
        scope.report.say(codes.stray_block(block.span, extern.name))
        return None
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_arguments(extern, arguments, node.span, scope.report)
    held = None if bound is None else settings_of(extern, bound, {}, source, node.span, scope)
    meaning = extern.formula("means")
    if held is None or meaning is None:
        return None
    shared = replace(scope.shared, declarations={}, hypers={}, constants={})
    inner = scope.within(shared=shared, arguments=held, locals={}, ranges={})
    return _standing(meaning, node.span), inner


def _standing(node: Any, span: Span) -> Any:
    """The syntax as if it stood in the program, so that what is said of it points there."""
    if isinstance(node, tuple):
        return tuple(_standing(item, span) for item in node)
    if not isinstance(node, ast.Node):
        return node
    parts = {f.name: _standing(getattr(node, f.name), span) for f in fields(node)}
    return replace(node, **{**parts, "span": span})

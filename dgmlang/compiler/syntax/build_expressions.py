"""Builds expressions and types: one method for each rule of the grammar, of its name or alias."""

from __future__ import annotations

from math import inf
from typing import Any

from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.tokens import Token


class BuildExpressions:
    """The rules of expressions and types."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sites: list[Span] = []
        """The colons of what only stands among the arguments of a sampler."""

    def __call__(self, name: str, children: list[Any], start: int, end: int) -> Any:
        return getattr(self, name)(Span(self.source, start, end), *children)

    def expression(self, _span: Span, value: ast.Expr) -> ast.Expr:
        return value

    def number(self, span: Span, token: Token) -> ast.Number:
        value = float(token.text)
        is_integer = value < inf and token.text.replace("_", "").isdigit()
        return ast.Number(int(token.text) if is_integer else value, span=span)

    def name(self, span: Span, token: Token) -> ast.Name:
        return ast.Name(token.text, span=span)

    def conditional(self, span: Span, *parts: ast.Expr) -> ast.Conditional:
        return ast.Conditional(*parts, span=span)

    def binary(self, span: Span, left: ast.Expr, op: Token, right: ast.Expr) -> ast.Binary:
        return ast.Binary(op.text, left, right, span=span)

    def unary(self, span: Span, op: Token, operand: ast.Expr) -> ast.Unary:
        return ast.Unary(op.text, operand, span=span)

    def pipe(self, span: Span, value: ast.Expr, stage: ast.Expr) -> ast.Pipe:
        return ast.Pipe(value, stage, span=span)

    def call(self, span: Span, function: ast.Expr, *arguments: ast.Argument) -> ast.Call:
        return ast.Call(function, arguments, span=span)

    def block(self, span: Span, stage: ast.Expr, body: ast.Expr) -> ast.Call:
        """`repeat(n) { … }` gives the call its block; `residual { … }` has no brackets."""
        if isinstance(stage, ast.Call) and stage.block is None:
            return ast.Call(stage.function, stage.arguments, body, span=span)
        return ast.Call(stage, (), body, called=False, span=span)

    def attribute(self, span: Span, value: ast.Expr, name: Token) -> ast.Attribute:
        return ast.Attribute(value, name.text, span=span)

    def index(self, span: Span, value: ast.Expr, *items: ast.Expr | ast.Slice) -> ast.Index:
        return ast.Index(value, items, span=span)

    def slice(self, span: Span, start: ast.Expr | None, stop: ast.Expr | None) -> ast.Slice:
        return ast.Slice(start, stop, span=span)

    def bound(self, _span: Span, value: ast.Expr | None = None) -> ast.Expr | None:
        return value

    def tupled(self, span: Span, *items: ast.Expr) -> ast.Sequence:
        return ast.Sequence(items, tuple=True, span=span)

    def listed(self, span: Span, *items: ast.Expr) -> ast.Sequence:
        return ast.Sequence(items, span=span)

    def positional(self, span: Span, value: ast.Expr) -> ast.Argument:
        return ast.Argument(value, span=span)

    def named(self, span: Span, name: Token, value: ast.Expr) -> ast.Argument:
        return ast.Argument(value, name.text, span=span)

    def site(self, span: Span, name: Token, value: ast.Expr) -> ast.Argument:
        colon = self.source.text.index(":", name.end)
        self.sites.append(Span(self.source, colon, colon + 1))
        return ast.Argument(value, name.text, site=True, span=span)

    def spread(self, span: Span, value: ast.Expr) -> ast.Argument:
        return ast.Argument(value, spread=True, span=span)

    # ── types ────────────────────────────────────────────────────────────────────────────────────

    def array_type(
        self,
        span: Span,
        kind: Token,
        arguments: tuple[ast.Argument, ...],
        entries: bool,
        shape: tuple[tuple[ast.Expr, ...], bool],
        whole: bool,
    ) -> ast.TypeExpr:
        axes, up_to = shape
        return ast.TypeExpr(kind.text, arguments, axes, whole, entries, up_to, span=span)

    def scalar_type(
        self, span: Span, kind: Token, arguments: tuple[ast.Argument, ...], optional: bool
    ) -> ast.TypeExpr:
        return ast.TypeExpr(kind.text, arguments, optional=optional, span=span)

    def kind_arguments(self, _span: Span, *arguments: ast.Argument) -> tuple[ast.Argument, ...]:
        return arguments

    def optional(self, _span: Span, mark: Token | None = None) -> bool:
        return mark is not None

    def open_shape(self, _span: Span) -> tuple[tuple[ast.Expr, ...], bool]:
        return (), False

    def shape(self, _span: Span, *axes: ast.Expr) -> tuple[tuple[ast.Expr, ...], bool]:
        return axes, False

    def shape_up_to(self, _span: Span, *axes: ast.Expr) -> tuple[tuple[ast.Expr, ...], bool]:
        return axes, True

    def any_axes(self, span: Span) -> ast.Name:
        return ast.Name("...", span=span)

"""Builds declarations: one method for each rule of the grammar, of its name or alias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.build_expressions import BuildExpressions
from dgmlang.compiler.syntax.tokens import Token


class BuildStatements(BuildExpressions):
    """The rules of declarations. A statement with a body gets it from `parse`, empty until then.

    `role` is what a line without a role word is: `guide` or `noise`.
    """

    def __init__(self, source: Source, doc: str, role: str) -> None:
        super().__init__(source)
        self.doc, self.role = doc, role

    def file_line(self, _span: Span, statement: ast.Node) -> ast.Node:
        return statement

    model_line = guide_line = recipe_line = file_line

    def use_file(self, span: Span, path: Token, *names: ast.Imported) -> ast.Use:
        return self._use(span, path.text, None, path, names)

    def use_library(self, span: Span, library: Token, *names: ast.Imported) -> ast.Use:
        return self._use(span, None, library.text, library, names)

    def _use(
        self,
        span: Span,
        path: str | None,
        library: str | None,
        place: Token,
        names: tuple[ast.Imported, ...],
    ) -> ast.Use:
        where = self._span(place)
        return ast.Use(path, library, names, span=span, doc=self.doc, place_span=where)

    def imported(self, span: Span, name: Token, alias: Token | None = None) -> ast.Imported:
        return ast.Imported(name.text, (alias or name).text, span=span)

    def model(self, span: Span, name: Token, hypers: tuple[ast.Hyper, ...]) -> ast.Model:
        return ast.Model(name.text, hypers, (), span=span, doc=self.doc, name_span=self._span(name))

    def hypers(self, _span: Span, *hypers: ast.Hyper) -> tuple[ast.Hyper, ...]:
        return hypers

    def hyper(
        self, span: Span, name: Token, type_: ast.TypeExpr, default: ast.Expr | None = None
    ) -> ast.Hyper:
        return ast.Hyper(name.text, type_, default, span=span)

    def variable(
        self,
        span: Span,
        role: str,
        name: Token,
        indices: tuple[ast.Expr, ...],
        type_: ast.TypeExpr | None,
        origin: ast.Drawn | ast.Computed | None,
        start: ast.Expr | None = None,
        shared: bool = False,
    ) -> ast.Variable:
        return ast.Variable(
            role,
            name.text,
            indices,
            type_,
            origin,
            start,
            shared,
            span=span,
            doc=self.doc,
            name_span=self._span(name),
        )

    def given(
        self,
        span: Span,
        name: Token,
        indices: tuple[ast.Expr, ...],
        type_: ast.TypeExpr,
        shared: bool,
    ) -> ast.Variable:
        return self.variable(span, "given", name, indices, type_, None, shared=shared)

    def param(
        self,
        span: Span,
        name: Token,
        type_: ast.TypeExpr,
        start: ast.Expr | None,
        prior: ast.Drawn | None,
    ) -> ast.Variable:
        return self.variable(span, "param", name, (), type_, prior, start)

    def drawn_again(
        self,
        span: Span,
        name: Token,
        inner: Token | None,
        indices: tuple[ast.Expr, ...],
        origin: ast.Drawn | ast.Computed,
    ) -> ast.Variable:
        found = self.variable(span, self.role, name, indices, None, origin)
        return found if inner is None else replace(found, name=f"{name.text}.{inner.text}")

    def inner(self, _span: Span, name: Token | None = None) -> Token | None:
        return name

    def word(self, _span: Span, token: Token) -> str:
        return token.text

    def present(self, _span: Span, word: Token | None = None) -> bool:
        return word is not None

    shared = raw = present

    def start(self, _span: Span, value: ast.Expr | None = None) -> ast.Expr | None:
        return value

    prior = requires = start

    def no_origin(self, _span: Span) -> None:
        return None

    def drawn(self, span: Span, law: ast.Expr) -> ast.Drawn:
        return ast.Drawn(law, span=span)

    def computed(self, span: Span, value: ast.Expr) -> ast.Computed:
        return ast.Computed(value, span=span)

    def indices(self, _span: Span, *indices: ast.Expr) -> tuple[ast.Expr, ...]:
        return indices

    def names(self, _span: Span, *names: Token) -> tuple[str, ...]:
        return tuple(name.text for name in names)

    def let_name(
        self, span: Span, name: Token, indices: tuple[ast.Expr, ...], value: ast.Expr
    ) -> ast.Let:
        return ast.Let((name.text,), None, indices, value, span=span, doc=self.doc)

    def let_function(
        self, span: Span, name: Token, parameters: tuple[str, ...], value: ast.Expr
    ) -> ast.Let:
        return ast.Let((name.text,), parameters, (), value, span=span, doc=self.doc)

    def let_tuple(self, span: Span, names: tuple[str, ...], value: ast.Expr) -> ast.Let:
        return ast.Let(names, None, (), value, span=span, doc=self.doc)

    # ── nets, energies, scores, companions ───────────────────────────────────────────────────────

    def net(
        self,
        span: Span,
        name: Token,
        parameters: tuple[ast.Port, ...],
        heads: tuple[ast.Port, ...],
        raw: bool,
        prior: ast.Expr | None,
        body: ast.Expr,
    ) -> ast.Net:
        return ast.Net(name.text, parameters, heads, raw, prior, body, span=span, doc=self.doc)

    def ports(self, _span: Span, *ports: ast.Port) -> tuple[ast.Port, ...]:
        return ports

    def port(self, span: Span, name: Token, type_: ast.TypeExpr) -> ast.Port:
        return ast.Port(name.text, type_, span=span)

    def one_head(self, span: Span, type_: ast.TypeExpr) -> tuple[ast.Port, ...]:
        return (ast.Port("", type_, span=span),)

    def named_heads(self, _span: Span, ports: tuple[ast.Port, ...]) -> tuple[ast.Port, ...]:
        return ports

    def energy(self, span: Span, value: ast.Expr) -> ast.Energy:
        return ast.Energy(value, span=span, doc=self.doc)

    def score(self, span: Span, variable: Token, value: ast.Expr) -> ast.Score:
        return ast.Score(variable.text, None, None, value, span=span, doc=self.doc)

    def score_under(
        self, span: Span, variable: Token, time: Token, process: ast.Expr, value: ast.Expr
    ) -> ast.Score:
        return ast.Score(variable.text, time.text, process, value, span=span, doc=self.doc)

    def companion(self, span: Span, word: Token) -> ast.Companion:
        return ast.Companion(word.text, (), span=span, doc=self.doc)

    def critic(self, span: Span, parameters: tuple[str, ...], value: ast.Expr) -> ast.Critic:
        return ast.Critic(parameters, value, span=span, doc=self.doc)

    def loop(self, span: Span, variable: Token, start: ast.Expr, stop: ast.Expr) -> ast.For:
        return ast.For(variable.text, start, stop, (), span=span, doc=self.doc)

    def recipe(self, span: Span, name: Token) -> ast.Recipe:
        return ast.Recipe(name.text, (), span=span, doc=self.doc)

    def setting(self, span: Span, key: Token, value: ast.Expr) -> ast.Setting:
        return ast.Setting(key.text, value, span=span)

    def prepare(self, span: Span, key: Token, value: ast.Expr) -> ast.Setting:
        return ast.Setting(key.text, value, prepare=True, span=span)

    # ── externs ──────────────────────────────────────────────────────────────────────────────────

    def extern(
        self,
        span: Span,
        kind: Token,
        name: Token,
        groups: tuple[tuple[ast.Hyper, ...], ...],
        signature: tuple[ast.TypeExpr | None, ast.TypeExpr | None, tuple[ast.Port, ...]],
        properties: tuple[ast.Property, ...],
        requires: ast.Expr | None,
    ) -> ast.Extern:
        source, type_, heads = signature
        return ast.Extern(
            kind.text,
            name.text,
            groups or ((),),
            source,
            type_,
            properties,
            requires,
            heads,
            span=span,
            doc=self.doc,
        )

    def groups(self, _span: Span, *groups: tuple[ast.Hyper, ...]) -> tuple[Any, ...]:
        return groups

    def group(self, _span: Span, *hypers: ast.Hyper) -> tuple[ast.Hyper, ...]:
        return hypers

    def no_signature(self, _span: Span) -> tuple[None, None, tuple[()]]:
        return None, None, ()

    def typed(self, _span: Span, type_: ast.TypeExpr) -> tuple[None, ast.TypeExpr, tuple[()]]:
        return None, type_, ()

    def stage_type(
        self, _span: Span, source: ast.TypeExpr, type_: ast.TypeExpr
    ) -> tuple[ast.TypeExpr, ast.TypeExpr, tuple[()]]:
        return source, type_, ()

    def net_type(
        self, _span: Span, heads: tuple[ast.Port, ...]
    ) -> tuple[None, None, tuple[ast.Port, ...]]:
        return None, None, heads

    def properties(self, _span: Span, *properties: ast.Property) -> tuple[ast.Property, ...]:
        return properties

    def property(self, span: Span, name: Token, *arguments: ast.Expr) -> ast.Property:
        return ast.Property(name.text, arguments, span=span)

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

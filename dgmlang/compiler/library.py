"""The standard library as the front end sees it: signatures and properties of `stdlib/*.dgm`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from typing import cast

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.shelves import MODEL, Shelf, shelves
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast


@frozen(eq=False)
class Parameter:
    """A parameter of an extern; `static` ones take compile-time values."""

    name: str
    type: ast.TypeExpr
    default: ast.Expr | None
    static: bool


@frozen(eq=False)
class Extern:
    """A built-in: what the front end knows of it. Rules ask `has` and `argument`, never the name.

    `groups` are its parametrisations (most have one); `source` is what a stage takes.
    """

    kind: str
    name: str
    groups: tuple[tuple[Parameter, ...], ...]
    source: ast.TypeExpr | None
    type: ast.TypeExpr | None
    properties: Mapping[str, tuple[str, ...]]
    requires: ast.Expr | None
    doc: str
    span: Span = field(repr=False)
    written: Mapping[str, tuple[ast.Expr, ...]] = field(repr=False, default_factory=dict)

    def has(self, property_name: str) -> bool:
        return property_name in self.properties

    def argument(self, property_name: str) -> tuple[str, ...]:
        """What stands in a property's brackets: `causal(strict)` has ("strict",)."""
        return self.properties.get(property_name, ())

    def formula(self, property_name: str) -> ast.Expr | None:
        """What stands in a property's brackets, as an expression: `weights((n + 1) * units)`."""
        return next(iter(self.written.get(property_name, ())), None)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters of all parametrisations, each once."""
        return tuple({p.name: p for group in self.groups for p in group}.values())


@frozen(eq=False)
class Library:
    """All externs by kind and name, and the models that the library defines in the language."""

    externs: Mapping[str, Shelf[Extern]]
    models: Mapping[str, ast.Model]

    def space(self, *kinds: str) -> Mapping[str, Extern]:
        """The externs of some kinds by name: one name space of the language."""
        found = Shelf[Extern]({})
        for kind in kinds:
            found = found.beside(self.externs.get(kind, found))
        return found


_STATIC = frozenset({"int", "float", "bool", "name", "net", "stage"})


@cache
def library() -> Library:
    """The standard library; each statement is read when something asks for it."""
    found = shelves(entry)
    models = found.pop(MODEL, Shelf({}))
    return Library(cast("Mapping[str, Shelf[Extern]]", found), cast("Shelf[ast.Model]", models))


def entry(statement: ast.Statement) -> Extern | ast.Model:
    """What the library holds of a statement of its."""
    assert isinstance(statement, ast.Extern | ast.Model)
    return _signature(statement) if isinstance(statement, ast.Extern) else statement


def _signature(node: ast.Extern) -> Extern:
    groups = tuple(tuple(map(_parameter, group)) for group in node.groups)
    properties = {p.name: tuple(map(_word, p.arguments)) for p in node.properties}
    return Extern(
        node.kind,
        node.name,
        groups or ((),),
        node.source,
        node.type,
        properties,
        node.requires,
        node.doc,
        node.span,
        {p.name: p.arguments for p in node.properties},
    )


def _parameter(node: ast.Hyper) -> Parameter:
    return Parameter(node.name, node.type, node.default, node.type.kind in _STATIC)


def _word(node: ast.Expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.span.text

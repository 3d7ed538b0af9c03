"""What `let` names: an expression, several at once, a function, or a chain of stages.

A function is put in where it is used, and its stages have one set of parameters. A chain is put in
as well, and each use has a set of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import library
from dgmlang.compiler.linking import mentioned
from dgmlang.compiler.program import Expr, Index
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import place
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.scope import Record, Scope, Wrong, wrong
from dgmlang.compiler.types.static import CONSTANTS, static

Value = Expr | Record

SPACES = ("activation", "transform", "mask", "solver", "adjoint")
"""Parameters of these names take their values from the name space of the same name."""


def value_of(node: ast.Name, let: ast.Let, scope: Scope) -> Value:
    """The value of a name, elaborated once (DGM0207, DGM0370)."""
    shared = scope.shared
    shared.used.add(node.id)
    if let.parameters is not None:
        call = f"{node.id}({', '.join(let.parameters)})"
        function = f"the function `{node.id}`"
        found = codes.kind_mismatch(node.span, "a value", function, "this place", f"write `{call}`")
        scope.report.say(found)
        return wrong(node.span)
    if names_law(let, scope):
        help = f"draw from it, `~ {node.id}`, or write `log_prob({node.id}, x)` for its density"
        law = f"the law `{node.id}`"
        scope.report.say(codes.kind_mismatch(node.span, "a value", law, "this place", help))
        return wrong(node.span)
    if node.id not in shared.values:
        with shared.elaborating(node.id, node.span) as fresh:
            if not fresh:
                return wrong(node.span)
            inner = scope.within(locals={}, arguments={}, variables=True, ranges={}, kept=None)
            shared.values.update(named(let, inner))
    return shared.values[node.id]


def named(let: ast.Let, scope: Scope) -> dict[str, Value]:
    """The values of a `let` by name."""
    from dgmlang.compiler.types.expressions import expression

    if len(let.names) == 1:
        return {let.names[0]: expression(let.value, scope)}
    return dict(zip(let.names, _parts(let, scope), strict=True))


def _parts(let: ast.Let, scope: Scope) -> list[Value]:
    """A value taken apart: a tuple's entries, a net's heads, an array's rows (DGM0370)."""
    from dgmlang.compiler.types.expressions import expression, head, literal

    count, span = len(let.names), let.value.span
    found: list[Value] | None = None
    if isinstance(let.value, ast.Sequence):
        found = [expression(item, scope) for item in let.value.items]
    else:
        whole = expression(let.value, scope)
        if isinstance(whole, Wrong):
            return [whole] * count
        if isinstance(whole, Record):
            found = [head(whole, name, span) for name in whole.heads]
        elif whole.type.shape and whole.type.shape[0] == Dim.of(count):
            row = Type(whole.type.kind, whole.type.shape[1:])
            items = [literal(i, span) for i in range(count)]
            found = [Index(whole, (item,), type=row, span=span) for item in items]
    if found is None or len(found) != count:
        scope.report.say(codes.wrong_names(span, count, None if found is None else len(found)))
        return [wrong(span)] * count
    return found


def inlined(node: ast.Call, let: ast.Let, scope: Scope) -> Value:
    """A function's value at its arguments."""
    from dgmlang.compiler.types.expressions import expression

    name = let.names[0]
    inner = arguments(node, let, scope)
    if inner is None:
        return wrong(node.span)
    inner = inner.within(owner=(*scope.owner[: scope.owner[:1] == ("guide",)], name))
    with scope.shared.elaborating(name, node.span) as fresh:
        inner.afresh()
        return expression(let.value, inner) if fresh else wrong(node.span)


def named_by(node: ast.Expr, scope: Scope) -> ast.Let | None:
    """The `let` that a stage's name means, if it means one."""
    function = node.function if isinstance(node, ast.Call) else node
    if not isinstance(function, ast.Name) or function.id in scope.locals:
        return None
    found = scope.shared.declarations.get(function.id)
    return found if isinstance(found, ast.Let) and _first(found) is not None else None


def _first(let: ast.Let) -> ast.Name | None:
    """The name with which a value begins: of a chain, its first stage."""
    first = let.value
    while isinstance(first, ast.Pipe):
        first = first.value
    function = first.function if isinstance(first, ast.Call) else first
    return function if isinstance(function, ast.Name) else None


def law_named_by(node: ast.Expr, scope: Scope) -> ast.Let | None:
    """The `let` whose law is meant, `P` or `P(c)`, if one is."""
    let = None if isinstance(node, ast.Pipe) else named_by(node, scope)
    return let if let is not None and names_law(let, scope) else None


def names_law(let: ast.Let, scope: Scope) -> bool:
    """Whether a `let` names a law: an instance of a model, a distribution, one pushed further."""
    laws = {*library().space("dist"), *scope.shared.models, "mixture", "quantize"}
    return _begins(let, laws, scope)


def is_chain(let: ast.Let, scope: Scope) -> bool:
    """Whether a `let` names a chain of stages, seen from its first one alone."""
    return _begins(let, set(library().space("layer", "bijection", "chain")), scope)


def _begins(let: ast.Let, words: Collection[str], scope: Scope) -> bool:
    """Whether the first name of a `let`, those of other `let`s replaced, is one of the words."""
    seen: list[ast.Let] = []
    while let not in seen:
        seen.append(let)
        first = _first(let)
        if first is None or first.id in scope.locals or let.indices:
            return False
        declared = scope.shared.declarations.get(first.id)
        if declared is None:
            return first.id in words
        if not isinstance(declared, ast.Let):
            return False
        let = declared
    return False


def arguments(node: ast.Expr, let: ast.Let, scope: Scope) -> Scope | None:
    """The scope of what a `let` stands for, its parameters bound; None where they do not fit.

    An argument that has its value at compile time is a setting too, as the n of `repeat(n)`.
    """
    from dgmlang.compiler.types.expressions import expression

    name = let.names[0]
    scope.shared.used.add(name)
    if isinstance(node, ast.Call) and node.block is not None:
        scope.report.say(codes.stray_block(node.block.span, name))
        return None
    names = let.parameters or ()
    written = node.arguments if isinstance(node, ast.Call) else ()
    bound = place(name, names, names, written, scope.report)
    if bound is None:
        return None
    for missing in (n for n in names if n not in bound):
        text = f"{name}({', '.join(names)})"
        scope.report.say(call_codes.missing_argument(node.span, name, missing, text))
        return None
    settings: dict[str, Any] = {}
    values: dict[str, Value] = {}
    for key, argument in bound.items():
        if _settled(argument.value, scope):
            settings[key] = static(argument.value, scope.words)
        else:
            values[key] = expression(argument.value, scope)
    return scope.within(locals=values, arguments=settings, ranges={})


def _settled(node: ast.Expr, scope: Scope) -> bool:
    """Whether an argument has its value at compile time; a word of the library does."""
    if isinstance(node, ast.Name) and node.id not in scope.known():
        return any(node.id in library().space(space) for space in SPACES)
    known = {*scope.statics, *CONSTANTS}
    return not isinstance(node, ast.Call | ast.Pipe) and set(mentioned(node)) <= known

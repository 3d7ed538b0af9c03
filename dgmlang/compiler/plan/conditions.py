"""Evaluates the library's `requires` conditions and says which clause fails, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dgmlang.compiler.derive.facts import Facet, Facts
from dgmlang.compiler.diagnostics.codes import plan as words
from dgmlang.compiler.diagnostics.codes.plan import Unmet
from dgmlang.compiler.library import Extern
from dgmlang.compiler.syntax import ast

ORDERS = (
    ("none", "bound", "exact"),
    ("unknown", "summed", "one"),
    ("none", "model", "exact"),
)
"""Facet values from the weakest to the strongest."""

FACETS = ("density", "marginal", "normaliser", "score", "smooth", "draw", "space", "pathwise")


def environment(facts: Facts) -> dict[str, Any]:
    """Every name that a condition may use, with its value."""
    facets = {name: getattr(facts, name).value for name in FACETS}
    yes = {name: value == "yes" for name, value in facets.items() if value in ("yes", "no")}
    return {**facts.flags, **facets, **yes}


def unmet(node: ast.Expr, held: Mapping[str, Any], facts: Facts) -> Unmet | None:
    """None where the condition holds, else its first failing clause with the words for it."""
    if isinstance(node, ast.Binary) and node.op == "and":
        return unmet(node.left, held, facts) or unmet(node.right, held, facts)
    if holds(node, held):
        return None
    facet = next((n for n in _names(node) if n in FACETS), None)
    found: Facet | None = getattr(facts, facet) if facet else None
    clause = node.span.text
    if found is None or not found.witnesses:
        return Unmet(clause, words.clause(clause))
    witness = found.witnesses[0]
    return Unmet(clause, words.clause(clause), witness.text, witness.span)


def idle(extern: Extern, facts: Facts) -> dict[str, Unmet]:
    """The settings of a method that this model does not read: `applies(name, condition, …)`."""
    rules = extern.written.get("applies", ())
    held = environment(facts)
    judged = {n.id: unmet(c, held, facts) for n, c in _pairs(rules) if isinstance(n, ast.Name)}
    return {name: failed for name, failed in judged.items() if failed is not None}


def instead(
    extern: Extern, held: Mapping[str, Any], facts: Facts
) -> dict[tuple[str, str], Unmet | None]:
    """What rules settings with a condition of their own out: `instead(name, value, condition)`."""
    rules = extern.written.get("instead", ())
    return {
        (name.id, value.id): unmet(condition, held, facts)
        for name, value, condition in zip(rules[::3], rules[1::3], rules[2::3], strict=True)
        if isinstance(name, ast.Name) and isinstance(value, ast.Name)
    }


def _pairs(rules: Sequence[ast.Expr]) -> Iterable[tuple[ast.Expr, ast.Expr]]:
    return zip(rules[::2], rules[1::2], strict=True)


def holds(node: ast.Expr, held: Mapping[str, Any]) -> bool:
    """The truth of a condition."""
    match node:
        case ast.Binary("and", left, right):
            return holds(left, held) and holds(right, held)
        case ast.Binary("or", left, right):
            return holds(left, held) or holds(right, held)
        case ast.Unary("not", operand):
            return not holds(operand, held)
        case ast.Binary(op, ast.Name(name), right):
            return _compare(op, held[name], right)
        case ast.Name(name):
            return bool(held[name])
    raise ValueError(f"no such condition: {node.span.text}")


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    "!=": lambda a, b: a != b,
}


def _compare(op: str, left: Any, right: ast.Expr) -> bool:
    if isinstance(right, ast.Number):
        return _COMPARE[op](left, right.value)
    assert isinstance(right, ast.Name)
    order = next((o for o in ORDERS if left in o and right.id in o), None)
    if order is None:
        return _COMPARE[op](left, right.id)
    return _COMPARE[op](order.index(left), order.index(right.id))


def _names(node: ast.Expr) -> list[str]:
    match node:
        case ast.Name(name):
            return [name]
        case ast.Binary(_, left, right):
            return _names(left) + _names(right)
        case ast.Unary(_, operand):
            return _names(operand)
    return []

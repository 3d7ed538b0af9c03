"""Objectives and samplers that were put together in Python, as the text that a recipe writes."""

from __future__ import annotations

from functools import cache

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression


@frozen(eq=False)
class Expression:
    """Objectives or samplers as people write them; equal to the text and to its parsed form.

    Sums, differences and products with numbers make weighted sums: `elbo() + 100 * mle()`.
    """

    text: str

    @property
    def tree(self) -> ast.Expr:
        """The expression as the compiler parses it."""
        return _tree(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expression | str):
            try:
                return self.tree == _tree(str(other))
            except DgmError:
                return False
        return self.tree == other if isinstance(other, ast.Node) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.tree)

    def __add__(self, other: Expression) -> Expression:
        return self._joined("+", other)

    def __sub__(self, other: Expression) -> Expression:
        return self._joined("-", other)

    def __mul__(self, weight: float) -> Expression:
        return self._weighted(f"{self._factor} * {{}}", weight)

    def __rmul__(self, weight: float) -> Expression:
        return self._weighted(f"{{}} * {self._factor}", weight)

    def _joined(self, sign: str, other: object) -> Expression:
        if not isinstance(other, Expression):
            return NotImplemented
        right = other.text if sign == "+" and not other._sum else other._factor
        return Expression(f"{self.text} {sign} {right}")

    def _weighted(self, form: str, weight: object) -> Expression:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            return NotImplemented
        return Expression(form.format(weight))

    @property
    def _sum(self) -> bool:
        return isinstance(self.tree, ast.Binary) and self.tree.op in ("+", "-")

    @property
    def _factor(self) -> str:
        """The text as an operand of `*`, or on the right of a sign."""
        return f"({self.text})" if isinstance(self.tree, ast.Binary) else self.text


@cache
def _tree(text: str) -> ast.Expr:
    node, found = parse_expression(Source("<expression>", text), sites=True, paths=True)
    if found or node is None:
        raise DgmError(found)
    return node

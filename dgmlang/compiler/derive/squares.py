"""A quadratic as a sum of weighted inner products, with what is known of each.

Of an array that is affine in some variables only the linear part matters: an `Image` says by what
each variable is multiplied there, and how its entries were moved. Moving and repeating entries
keeps norms up to a factor, so that the norm of such an image is known; where entries are mixed or
left out (a matrix, a sum, an index) only a bound on it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import field, replace
from fractions import Fraction
from math import inf, sqrt
from typing import Any

from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Apply,
    Expr,
    Index,
    Literal,
    LogProb,
    Named,
    Net,
    Read,
    SliceItem,
    Stack,
)
from dgmlang.compiler.types.dims import Shape, size
from dgmlang.compiler.types.kinds import POSITIVES, REALS, Interval
from dgmlang.compiler.walk import alike, bare, reads

ONE = Interval(1.0, 1.0)
NONNEGATIVE = Interval(0.0, inf)
DEFINITE = frozenset({"cov", "corr"})
"""Kinds of matrices that are positive definite."""

Place = tuple[Any, ...] | None
"""How entries came to stand where they do; equal places, equal maps. None: they were mixed."""

Image = Mapping[tuple[str, Place], Interval]
"""The linear part of an array: what multiplies each variable, entry by entry, by its place."""


@frozen()
class Product:
    """⟨c ∘ left, right⟩ with factors c in `weight`, or minus that.

    `square`: left and right are the same.
    """

    weight: Interval
    left: Image
    right: Image
    square: bool
    minus: bool = False


@frozen()
class Expansion:
    """Reads expressions as polynomials in some variables, in a net's body in its parameters."""

    variables: Set[str]
    nets: Mapping[str, Net]
    inner: Mapping[str, float] = field(default_factory=dict)

    def degree(self, node: Expr) -> float:
        """The degree of an expression in the variables."""
        return degree(node, self.variables, self.nets, self.inner)

    def inside(self, net: Net) -> Expansion:
        """The same for the body of a net."""
        return replace(self, inner=dict.fromkeys(net.parameters, 1.0))

    # ── of degree two ────────────────────────────────────────────────────────────────────────────

    def products(self, node: Expr) -> list[Product] | None:
        """The quadratic part of the sum of an expression's entries; None where it is not seen."""
        node = bare(node)
        if self.degree(node) <= 1:
            return []
        if isinstance(node, LogProb):
            return self._log_density(node)
        return self._applied(node) if isinstance(node, Apply) else None

    def _applied(self, node: Apply) -> list[Product] | None:
        if node.extern.has("contraction"):
            return self._contracted(node)
        match node.extern.argument("interval"):
            case ("add",):
                return _joined(self._spread(node, a) for a in node.args)
            case ("subtract",):
                left, right = (self._spread(node, a) for a in node.args)
                return None if right is None else _joined([left, negated(right)])
            case ("negative",):
                below = self.products(node.args[0])
                return None if below is None else negated(below)
            case ("sum",):
                return self.products(node.args[0])
            case ("multiply",):
                return self._multiplied(node)
            case ("divide",) if self.degree(node.args[1]) == 0:
                return self._weighted(node, node.args[0], _interval(node.args[1]).reciprocal())
            case ("power",) if self.degree(node.args[0]) == 1:
                image = self.image(node.args[0])
                return [Product(ONE, image, image, square=True)]
        return None

    def _spread(self, node: Expr, part: Expr) -> list[Product] | None:
        """The products of an operand whose entries the result may repeat."""
        found = self.products(part)
        if not found:
            return found
        times = _times(part.type.array_shape, node.type.array_shape)
        return [replace(p, weight=p.weight * times) for p in found]

    def _weighted(self, node: Expr, part: Expr, factor: Interval) -> list[Product] | None:
        found = self._spread(node, part)
        return None if found is None else [replace(p, weight=p.weight * factor) for p in found]

    def _multiplied(self, node: Apply) -> list[Product] | None:
        for this, other in (node.args, node.args[::-1]):
            if self.degree(other) == 0:
                return self._weighted(node, this, _interval(other))
        return [self._inner(node, *node.args)]

    def _inner(self, node: Expr, left: Expr, right: Expr) -> Product:
        shape = node.type.array_shape or left.type.array_shape
        a, b = (_repeated(self.image(e), e.type.array_shape, shape) for e in (left, right))
        return Product(ONE, a, b, square=alike(left, right))

    def _contracted(self, node: Apply) -> list[Product] | None:
        """The inner product of two vectors, with a matrix between them or without one."""
        left, right = map(bare, node.args)
        if len(left.type.array_shape) != 1 or len(right.type.array_shape) != 1:
            return None
        for side, other in ((left, right), (right, left)):
            for matrix, vector in _matrix_and_vector(side):
                if self.degree(matrix) == 0 and alike(vector, other) and definite(matrix):
                    image = self.image(vector)
                    return [Product(POSITIVES, image, image, square=True)]
        return [self._inner(node, left, right)]

    def _log_density(self, node: LogProb) -> list[Product] | None:
        """−½ (x − μ)ᵀ Λ (x − μ) with Λ positive definite, of a Gaussian."""
        law = node.law
        assert isinstance(law, Named)
        (location,) = law.extern.argument("gaussian")
        shape = law.type.array_shape
        parts = [self._image_in(node.value, shape)]
        if location in law.arguments:
            parts.append(_scaled(self._image_in(law.arguments[location], shape), -ONE))
        residual = _added(*parts)
        return [Product(POSITIVES, residual, residual, square=True, minus=True)]

    # ── of degree one ────────────────────────────────────────────────────────────────────────────

    def image(self, node: Expr) -> Image:
        """The linear part of an affine expression."""
        node = bare(node)
        if self.degree(node) == 0:
            return {}
        if isinstance(node, Read):
            return {(node.name, ()): ONE}
        found = self._moved(node)
        return self._mixed(node) if found is None else found

    def _image_in(self, node: Expr, shape: Shape) -> Image:
        return _repeated(self.image(node), node.type.array_shape, shape)

    def _mixed(self, node: Expr) -> Image:
        return {(name, None): REALS for name in reads(node) if name in self.variables}

    def _moved(self, node: Expr) -> Image | None:
        if isinstance(node, Index):
            kept = all(isinstance(i, SliceItem | Literal | None) for i in node.items)
            below = self.image(node.value)
            return {(v, None): f for (v, _), f in below.items()} if kept else None
        if not isinstance(node, Apply):
            return None
        shape = node.type.array_shape
        if node.extern.has("entrywise_permutation"):
            step = (node.settings["k"], node.settings["axis"])
            return {
                (v, None if place is None else (*place, step)): f
                for (v, place), f in self.image(node.args[0]).items()
            }
        match node.extern.argument("interval"):
            case ("add",):
                return _added(*(self._image_in(a, shape) for a in node.args))
            case ("subtract",):
                left, right = (self._image_in(a, shape) for a in node.args)
                return _added(left, _scaled(right, -ONE))
            case ("negative",):
                return _scaled(self.image(node.args[0]), -ONE)
            case ("multiply",):
                this, other = sorted(node.args, key=self.degree, reverse=True)
                return _scaled(self._image_in(this, shape), _interval(other))
            case ("divide",):
                factor = _interval(node.args[1]).reciprocal()
                return _scaled(self._image_in(node.args[0], shape), factor)
        return None


def summands(node: Expr, minus: bool = False) -> Iterator[tuple[Expr, bool]]:
    """What a number is the sum of, each with whether it is taken away."""
    node = bare(node)
    rule = node.extern.argument("interval") if isinstance(node, Apply) else ()
    if not isinstance(node, Apply) or rule not in (("add",), ("subtract",), ("negative",)):
        yield node, minus
        return
    last = minus != (rule != ("add",))
    *first, final = node.args
    for part in first:
        yield from summands(part, minus)
    yield from summands(final, last)


def definite(matrix: Expr) -> bool:
    """Whether a matrix is positive definite by its kind, or by its numbers."""
    matrix = bare(matrix)
    if matrix.type.kind.name in DEFINITE:
        return True
    rows = _numbers(matrix)
    return isinstance(rows, tuple) and _positive_pivots(rows)


def _numbers(node: Expr) -> Any:
    """A number, or nested tuples of numbers; None where a value is not written as numbers."""
    node = bare(node)
    if isinstance(node, Stack):
        parts = tuple(map(_numbers, node.items))
        return None if None in parts else parts
    return node.value if isinstance(node, Literal) else None


def _positive_pivots(rows: tuple[tuple[float, ...], ...]) -> bool:
    """Elimination of the symmetric part, in fractions: all pivots are positive."""
    n = len(rows)
    left = [[(Fraction(rows[i][j]) + Fraction(rows[j][i])) / 2 for j in range(n)] for i in range(n)]
    for k in range(n):
        if left[k][k] <= 0:
            return False
        for i in range(k + 1, n):
            ratio = left[i][k] / left[k][k]
            left[i] = [a - ratio * b for a, b in zip(left[i], left[k], strict=True)]
    return True


def _matrix_and_vector(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """The two ways to read a product as matrix times vector."""
    if isinstance(node, Apply) and node.extern.has("contraction"):
        left, right = node.args
        ranks = [len(e.type.array_shape) for e in node.args]
        if sorted(ranks) == [1, 2]:
            yield (left, right) if ranks[0] == 2 else (right, left)


def _interval(node: Expr) -> Interval:
    return node.type.kind.interval or REALS


def _times(shape: Shape, into: Shape) -> Interval:
    """How often each entry stands in a larger array."""
    if shape == into:
        return ONE
    small, large = size(shape).value, size(into).value
    return Interval(1.0, inf) if not small or not large else Interval(large / small, large / small)


def _repeated(image: Image, shape: Shape, into: Shape) -> Image:
    """The image in a larger array: its norm grows by the root of how often entries are repeated."""
    if shape == into:
        return image
    times = _times(shape, into)
    root = Interval(sqrt(times.low), sqrt(times.high))
    return {
        (v, None if place is None else (*place, (shape, into))): f * root
        for (v, place), f in image.items()
    }


def _scaled(image: Image, factor: Interval) -> Image:
    return {key: f * factor for key, f in image.items()}


def _added(*images: Image) -> Image:
    total: dict[tuple[str, Place], Interval] = {}
    for image in images:
        for key, factor in image.items():
            total[key] = total[key] + factor if key in total else factor
    return total


def _joined(parts: Any) -> list[Product] | None:
    every = list(parts)
    return None if any(p is None for p in every) else [p for part in every for p in part]


def negated(products: list[Product]) -> list[Product]:
    """The same with the other sign."""
    return [replace(p, minus=not p.minus) for p in products]

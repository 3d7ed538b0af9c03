"""Dimensions: polynomials with integer coefficients in hyperparameters that have no value yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dgmlang.compiler.frozen import frozen

Monomial = tuple[str, ...]  # sorted names, repeated by their power; () is the constant


@frozen()
class Dim:
    """A polynomial in normal form, so that two dimensions agree exactly where they are equal."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def of(value: int) -> Dim:
        return _normal({(): value})

    @staticmethod
    def symbol(name: str) -> Dim:
        return _normal({(name,): 1})

    @property
    def value(self) -> int | None:
        """The number, or None where a symbol is left."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def __add__(self, other: Dim) -> Dim:
        return _normal(_collect([*self.terms, *other.terms]))

    def __neg__(self) -> Dim:
        return Dim(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Dim) -> Dim:
        return self + -other

    def __mul__(self, other: Dim) -> Dim:
        pairs = ((a, b) for a in self.terms for b in other.terms)
        return _normal(_collect((tuple(sorted(m + n)), c * d) for (m, c), (n, d) in pairs))

    def substitute(self, values: Mapping[str, Dim]) -> Dim:
        """The polynomial with some symbols replaced."""
        total = Dim.of(0)
        for monomial, coefficient in self.terms:
            term = Dim.of(coefficient)
            for name in monomial:
                term = term * values.get(name, Dim.symbol(name))
            total = total + term
        return total

    def __str__(self) -> str:
        return " + ".join(_term(m, c) for m, c in self.terms).replace("+ -", "- ") or "0"


Shape = tuple[Dim, ...]


def size(shape: Shape) -> Dim:
    """The number of entries of an array of this shape."""
    total = Dim.of(1)
    for dim in shape:
        total = total * dim
    return total


def half(dim: Dim) -> Dim | None:
    """The half of a dimension; None where it is odd or not seen to be even."""
    if any(c % 2 for _, c in dim.terms):
        return None
    return Dim(tuple((m, c // 2) for m, c in dim.terms))


def numbers(shape: Shape) -> tuple[int, ...]:
    """The shape as integers; only for shapes without symbols."""
    values = tuple(dim.value for dim in shape)
    if any(value is None for value in values):
        raise ValueError(f"open dimension in {show(shape)}")
    return tuple(value for value in values if value is not None)


def show(shape: Shape) -> str:
    """The shape as programs write it."""
    return "[" + ", ".join(map(str, shape)) + "]"


def broadcast(left: Shape, right: Shape) -> Shape | None:
    """NumPy's rule, symbolically: only a missing axis or a literal 1 stretches; None if neither."""
    rank = max(len(left), len(right))
    one = Dim.of(1)
    padded = [(one,) * (rank - len(s)) + s for s in (left, right)]
    axes: list[Dim] = []
    for a, b in zip(*padded, strict=True):
        if a not in (b, one) and b != one:
            return None
        axes.append(b if a == one else a)
    return tuple(axes)


def _collect(terms: Iterable[tuple[Monomial, int]]) -> dict[Monomial, int]:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    return total


def _normal(terms: Mapping[Monomial, int]) -> Dim:
    return Dim(tuple(sorted(((m, c) for m, c in terms.items() if c), reverse=True)))


def _term(monomial: Monomial, coefficient: int) -> str:
    if not monomial:
        return str(coefficient)
    names = "*".join(monomial)
    return {1: names, -1: f"-{names}"}.get(coefficient, f"{coefficient}*{names}")


__all__ = ["Dim", "Shape", "broadcast", "half", "numbers", "show", "size"]

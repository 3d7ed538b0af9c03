"""Kinds: which values a type allows.

A real-valued kind is an interval of the reals, so "a sum of positives is positive", "0.3 is `unit`
and `positive`" and "−1 can never be a scale" are all interval arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf, isinf
from typing import TYPE_CHECKING

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.types.dims import Dim, Shape, show

if TYPE_CHECKING:
    from dgmlang.compiler.syntax import ast


@frozen()
class Interval:
    """[low, high]; an end that is infinite, or 0 of a positive kind, is open."""

    low: float
    high: float
    open_low: bool = False

    def __contains__(self, other: Interval) -> bool:
        above = other.low > self.low or (
            other.low == self.low and (other.open_low or not self.open_low)
        )
        return above and other.high <= self.high

    def misses(self, other: Interval) -> bool:
        """True where no value lies in both."""
        low, high = (self, other) if self.low <= other.low else (other, self)
        touch = low.high == high.low and high.open_low
        return low.high < high.low or touch

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            self.low + other.low, self.high + other.high, self.open_low or other.open_low
        )

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __mul__(self, other: Interval) -> Interval:
        ends = [_times(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        both = self.positive and other.positive
        return Interval(min(ends), max(ends), both and min(ends) == 0)

    @property
    def positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.open_low)

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return not (isinf(self.low) or isinf(self.high))

    def reciprocal(self) -> Interval:
        if not self.positive:
            return REALS
        high = inf if self.low == 0 else 1 / self.low
        low = 0.0 if isinf(self.high) else 1 / self.high
        return Interval(low, high, low == 0)


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


REALS = Interval(-inf, inf)
POSITIVES = Interval(0.0, inf, open_low=True)

NUMERIC = frozenset({"real", "positive", "unit", "interval", "bit", "spin"})
"""Kinds whose values enter arithmetic as they are."""

ARRAYS = {"simplex": 1, "ordered": 1, "corr": 2, "cov": 2, "tril": 2, "corr_tril": 2}
"""Kinds of which one value is an array, with its rank."""


def own_rank(declared: ast.TypeExpr) -> int:
    """The axes of one value of an extern's type: `real` none, `real[d]` one, `tril(d)` two."""
    return len(declared.shape or ()) + ARRAYS.get(declared.kind, 0)


STATIC = frozenset({"int", "float", "bool", "name", "net", "stage"})
"""Kinds of compile-time values."""

KINDS = NUMERIC | frozenset(ARRAYS) | STATIC | {"cat", "grey", "count", "byte", "any"}


@frozen()
class Kind:
    """A kind with its parameters: `cat(10)` has a Dim, `interval(0, 1)` two numbers."""

    name: str
    args: tuple[Dim | float, ...] = ()

    @property
    def interval(self) -> Interval | None:
        """The interval of a kind whose values are numbers, else None."""
        match self.name:
            case "interval":
                low, high = (float(a) for a in self.args if not isinstance(a, Dim))
                return Interval(low, high)
            case "bit" | "unit":
                return Interval(0.0, 1.0)
            case "spin":
                return Interval(-1.0, 1.0)
        return {"real": REALS, "positive": POSITIVES}.get(self.name)

    @property
    def two_valued(self) -> bool:
        """Whether a value is one of two numbers: a slope then tells what is affine in it."""
        return self.name in ("bit", "spin")

    @property
    def levels(self) -> Dim | None:
        """How many values a finite kind has, else None."""
        if self.two_valued:
            return Dim.of(2)
        if self.name not in ("cat", "grey", "count") or not self.args:
            return None
        most = self.args[0]
        assert isinstance(most, Dim)
        return most + Dim.of(1) if self.name == "count" else most

    @property
    def inner(self) -> Shape:
        """The axes that one value takes: `simplex(K)` has [K], `tril(d)` has [d, d]."""
        if self.name not in ARRAYS:
            return ()
        return tuple(a for a in self.args if isinstance(a, Dim)) * ARRAYS[self.name]

    @property
    def space(self) -> str:
        """`finite`, `discrete` or `continuous`."""
        if self.levels is not None:
            return "finite"
        return "discrete" if self.name == "count" else "continuous"

    def __str__(self) -> str:
        if not self.args:
            return self.name
        if self.name == "interval" and self.args[0] == self.args[1]:
            return f"{self.args[0]:g}"
        # In full: what is built for a program declares kinds by these words.
        shown = (str(a) if isinstance(a, Dim) else repr(a).removesuffix(".0") for a in self.args)
        return f"{self.name}({', '.join(shown)})"


def of_interval(interval: Interval) -> Kind:
    """The narrowest named kind that holds an interval."""
    if interval.low == interval.high and not isinf(interval.low):
        return Kind("interval", (interval.low, interval.high))
    if interval in Interval(0.0, 1.0):
        return Kind("unit")
    if interval in POSITIVES:
        return Kind("positive")
    ended = not (isinf(interval.low) and isinf(interval.high))
    return Kind("interval", (interval.low, interval.high)) if ended else REAL


def hull(kinds: Iterable[Kind]) -> Kind:
    """The narrowest named kind that holds values of all these kinds of numbers; else `real`."""
    every = list(dict.fromkeys(kinds))
    intervals = [k.interval for k in every if k.interval is not None]
    if len(every) == 1 or len(intervals) < len(every):
        return every[0] if len(every) == 1 else REAL
    low = min(i.low for i in intervals)
    closed = any(i.low == low and not i.open_low for i in intervals)
    return of_interval(Interval(low, max(i.high for i in intervals), not closed))


REAL, POSITIVE, UNIT, BIT, ANY = (Kind(n) for n in ("real", "positive", "unit", "bit", "any"))


@frozen()
class Type:
    """`kind[shape]`: an array of shape `shape + kind.inner`.

    `optional`: the whole may be missing; `entry_optional`: single entries may, those of the last
    `together` axes only with each other, as the turns of a loop do. `varying`: the first axis is
    the greatest length that an example may have.
    """

    kind: Kind
    shape: Shape = ()
    optional: bool = False
    entry_optional: bool = False
    varying: bool = False
    together: int = 0

    @property
    def array_shape(self) -> Shape:
        return self.shape + self.kind.inner

    @property
    def may_miss(self) -> bool:
        """Whether an example may come without the value, or without some of its entries."""
        return self.optional or self.entry_optional

    @property
    def present(self) -> Type:
        """The type of a value that is there."""
        return replace(self, optional=False, entry_optional=False, together=0)

    def __str__(self) -> str:
        together = self.together - len(self.kind.inner) if self.together else 0
        axes = len(self.shape) - together
        entry = (show(self.shape[axes:]) if together else "") + "?" * self.entry_optional
        shape = show(self.shape[:axes]) if axes else ""
        whole = "?" * self.optional
        return f"{self.kind}{entry}{shape.replace('[', '[<= ', self.varying)}{whole}"


def offers(offered: Kind, wanted: Kind) -> bool | None:
    """Whether a value of one kind serves as the other; None: that shows only at run time."""
    if wanted.name == "any" or offered == wanted:
        return True
    a, b = offered.interval, wanted.interval
    if wanted.name == "real" and offered.name in ("grey", "count"):
        return True
    if wanted.name == "count" and not wanted.args:
        return offered.name in ("count", "bit") or _whole(a)
    if a is None or b is None:
        return _same_family(offered, wanted)
    if wanted.name in ("bit", "spin"):
        return None if a.low == a.high and a.low in (b.low, b.high) else False
    if a in b:
        return True
    return False if a.misses(b) else None


def within(support: Kind, wanted: Kind) -> bool:
    """Whether all values of one kind are of another, of reals up to a set of measure zero."""
    a, b = support.interval, wanted.interval
    if support.name == wanted.name == "count":
        return _fewer(support, wanted)
    # A bit lies between the two values of a spin, and is neither.
    continuous = support.space == wanted.space == "continuous"
    return continuous and a is not None and b is not None and a in replace(b, open_low=False)


def _whole(number: Interval | None) -> bool:
    """Whether a value is known, and a whole number from 0."""
    return number is not None and number.low == number.high >= 0 and number.low.is_integer()


def _fewer(support: Kind, wanted: Kind) -> bool:
    """Whether counts up to one number are counts up to another, or without end."""
    few, many = support.levels, wanted.levels
    if many is None or few is None or few == many:
        return many is None or few == many
    return few.value is not None and many.value is not None and few.value <= many.value


def _same_family(offered: Kind, wanted: Kind) -> bool:
    if {offered.name, wanted.name} == {"cat", "grey"}:
        return offered.args == wanted.args
    return wanted.name == "cat" and offered.name == "bit" and wanted.levels == Dim.of(2)

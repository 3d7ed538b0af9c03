"""Arrays of numbers where one value of a kind is an array: `[0.2, 0.3, 0.5]` is a simplex.

What is written out is looked at here, to the last number. What is made of values, as `[p, 1 - p]`
or `a @ a.T`, is checked when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, isclose, sqrt
from typing import Any

from dgmlang.compiler.program import Checked, Choose, Expr, Index, Literal, Stack
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.types.kinds import ARRAYS, REAL, UNIT, Interval, Kind, Type

Numbers = float | tuple[Any, ...]

_ENTRIES = {"simplex": UNIT, **dict.fromkeys(("corr", "corr_tril"), Kind("interval", (-1.0, 1.0)))}

ROUNDING = 1e-6
"""How far numbers that are written out may add up beside one: 0.333333 three times does."""


def as_array(value: Expr, kind: str, where: str) -> Expr | None:
    """The value as one of an array kind such as `simplex`; None where it is none."""
    if value.type.kind.name == kind:
        return value
    if (value.type.kind.name, kind) == ("corr_tril", "tril"):
        return replace(value, type=replace(value.type, kind=Kind("tril", value.type.kind.args)))
    shape = value.type.array_shape
    if not _square(kind, shape):
        return None
    written = numbers(value)
    if written is not None:
        fits = not any(misfit(part, kind) for part in _parts(written, len(shape) - ARRAYS[kind]))
        return Literal(written, type=_typed(kind, shape), span=value.span) if fits else None
    match value:
        case Index(value=base, items=items) if None not in items:
            rows = len(base.type.array_shape) - ARRAYS[kind]
            table = as_array(base, kind, where) if len(items) <= rows else None
            return table and replace(value, value=table, type=_typed(kind, shape))
        case Choose(then=one, otherwise=other) if one.type.shape == other.type.shape:
            then, otherwise = (as_array(v, kind, where) for v in (one, other))
            if then is None or otherwise is None:
                return None
            return replace(value, then=then, otherwise=otherwise, type=_typed(kind, shape))
    if value.type.kind.interval is None:
        return None
    return _simplex(value, where) if kind == "simplex" else _whole(value, kind, where)


def entries_of(value: Expr) -> Expr:
    """A value of an array kind as an array of numbers: a simplex as `unit`, others as `real`."""
    kind = value.type.kind
    if kind.name not in ARRAYS:
        return value
    return replace(value, type=Type(_ENTRIES.get(kind.name, REAL), value.type.array_shape))


def told(value: Expr, kind: Kind) -> tuple[str, str | None]:
    """What a value is that is none of a kind, in words, and what to do where it is written out."""
    if kind.name in ARRAYS and _square(kind.name, value.type.array_shape):
        lead = len(value.type.array_shape) - ARRAYS[kind.name]
        written = numbers(value)
        parts = () if written is None else _parts(written, lead)
        for reason in (misfit(part, kind.name) for part in parts):
            if reason:
                return reason, _HELP[kind.name]
    interval = value.type.kind.interval
    if interval is not None and interval.low == -inf and interval.high < inf:
        return f"a number of at most {interval.high + 0:g}", None
    return str(value.type.kind), None


def numbers(value: Expr) -> Numbers | None:
    """The numbers of an array that is written out, `1 / 3` among them; None of any other value."""
    match value:
        case Literal(value=tuple() as written):
            return written
        case Stack(items=items):
            parts = tuple(numbers(item) for item in items)
            return None if None in parts else parts
    interval = value.type.kind.interval
    point = interval is not None and interval.low == interval.high and not value.type.shape
    return interval.low if interval is not None and point else None


def misfit(value: Numbers, kind: str) -> str | None:
    """Why one array of numbers is none of a kind, as a clause; None where it is one."""
    return _REASONS[kind](value)


def _square(kind: str, shape: Shape) -> bool:
    own = ARRAYS[kind]
    return len(shape) >= own and len(set(shape[len(shape) - own :])) == 1


def _typed(kind: str, shape: Shape) -> Type:
    lead = len(shape) - ARRAYS[kind]
    return Type(Kind(kind, (shape[-1],)), shape[:lead])


def _parts(value: Numbers, lead: int) -> Iterator[Numbers]:
    """The arrays of which each is one value."""
    if lead == 0 or not isinstance(value, tuple):
        yield value
        return
    for part in value:
        yield from _parts(part, lead - 1)


def _simplex(value: Expr, where: str) -> Expr | None:
    """Entries between 0 and 1 whose sum is one, both held when it runs."""
    from dgmlang.compiler.types.held import held

    entries = held(value, UNIT, where)
    if entries is None:
        return None
    one, type_ = Interval(1.0, 1.0), _typed("simplex", value.type.array_shape)
    wanted = str(type_.kind)
    return Checked(entries, one, wanted, where, "simplex", type=type_, span=value.span)


def _whole(value: Expr, kind: str, where: str) -> Expr:
    """An array that is held against its kind when it runs."""
    type_ = _typed(kind, value.type.array_shape)
    every = Interval(-inf, inf)
    return Checked(value, every, str(type_.kind), where, kind, type=type_, span=value.span)


# ── why not ──────────────────────────────────────────────────────────────────────────────────────

Vector = Sequence[float]
Matrix = Sequence[Vector]


def _no_simplex(p: Vector) -> str | None:
    if min(p) < 0:
        return f"{min(p):g} in it"
    return None if isclose(sum(p), 1, abs_tol=ROUNDING) else f"numbers that add up to {sum(p):g}"


def _no_order(x: Vector) -> str | None:
    falls = next(((a, b) for a, b in pairwise(x) if a >= b), None)
    return falls and f"{falls[0]:g} before {falls[1]:g}"


def _no_triangle(a: Matrix) -> str | None:
    if any(row[j] != 0 for i, row in enumerate(a) for j in range(i + 1, len(a))):
        return "numbers above the diagonal"
    low = min(row[i] for i, row in enumerate(a))
    return None if low > 0 else f"{low:g} on the diagonal"


def _no_covariance(a: Matrix) -> str | None:
    n = len(a)
    if any(a[i][j] != a[j][i] for i in range(n) for j in range(i)):
        return "a matrix that is not symmetric"
    return None if _cholesky(a) else "a matrix that is not positive definite"


def _no_correlation(a: Matrix) -> str | None:
    wrong = next((row[i] for i, row in enumerate(a) if row[i] != 1), None)
    return _no_covariance(a) if wrong is None else f"{wrong:g} on the diagonal"


def _no_factor(a: Matrix) -> str | None:
    lengths = (sqrt(sum(v * v for v in row)) for row in a)
    wrong = next((n for n in lengths if not isclose(n, 1, abs_tol=ROUNDING)), None)
    return _no_triangle(a) or (None if wrong is None else f"a row of length {wrong:g}")


def _cholesky(a: Matrix) -> bool:
    """Whether a symmetric matrix has a Cholesky factor."""
    factor: list[list[float]] = []
    for i, row in enumerate(a):
        factor.append([])
        for j in range(i + 1):
            rest = row[j] - sum(x * y for x, y in zip(factor[i], factor[j], strict=False))
            if i == j and rest <= 0:
                return False
            factor[i].append(sqrt(rest) if i == j else rest / factor[j][j])
    return True


_REASONS: dict[str, Callable[[Any], str | None]] = {
    "simplex": _no_simplex,
    "ordered": _no_order,
    "tril": _no_triangle,
    "cov": _no_covariance,
    "corr": _no_correlation,
    "corr_tril": _no_factor,
}
_HELP = {
    "simplex": "write numbers of at least 0 that add up to 1",
    "ordered": "write the numbers in ascending order",
    "tril": "write the lower triangle, with numbers above 0 on the diagonal and 0 above it",
    "cov": "write a symmetric matrix that is positive definite",
    "corr": "write a symmetric, positive definite matrix with 1 on the diagonal",
    "corr_tril": "write a lower triangle whose rows have length 1",
}
__all__ = ["as_array", "entries_of", "misfit", "numbers", "told"]

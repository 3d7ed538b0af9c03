"""Whether the energies are a positive-definite quadratic, so that their law is a Gaussian.

The quadratic part is a sum of products of images of the variables (`squares`). Two proofs:

*By norms.* Each product is bounded below by Σ_v λ_v ‖x_v‖²: a square of an image whose norm is
known by that norm, a product of two by |⟨u, v⟩| ≤ ½ (‖u‖² + ‖v‖²). Positive definite if each λ_v,
summed over the products, is positive: what a coupling takes away must be less than what the squares
give.

*By elimination.* If all products are squares of nonnegative weight, the quadratic is 0 only where
all weighted images are. A square in which one variable is not yet known to be 0 there, and which
keeps that variable's norm, shows that it is 0 too; positive definite if all are.

What neither proves is not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dgmlang.compiler.derive.facts import Witness
from dgmlang.compiler.derive.growth import grows_linearly
from dgmlang.compiler.derive.squares import Expansion, Image, Product, negated, summands
from dgmlang.compiler.program import EnergyLaw, Expr, Program, Variable
from dgmlang.compiler.types.kinds import Interval

Beside = Callable[[Expr, Expansion], bool]

MARGIN = 1e-6
"""Below this share of what is added, a difference of numbers may be rounding."""


def gaussian_energy(program: Program) -> Witness | None:
    """Why the law of all variables of the energies is a Gaussian, or None where it is not seen."""
    sites = program.having("data", "latent")
    variables = [v for v in sites if isinstance(v.law, EnergyLaw)]
    if not variables or not _definite(program, variables, beside=lambda *_: False):
        return None
    names = ", ".join(v.name for v in variables)
    text = f"the energy is a quadratic that is seen to be positive definite in {names}: a Gaussian"
    return Witness("gaussian", text, program.energies[0].span)


def normalisable(program: Program) -> bool:
    """Whether exp(−Σ energies) is seen to have an integral, the finite variables at any value.

    A positive-definite quadratic outgrows whatever grows no faster than the norm, as nets do.
    """
    sites = program.having("data", "latent")
    infinite = [v for v in sites if isinstance(v.law, EnergyLaw) and v.type.kind.space != "finite"]
    return _definite(program, infinite, beside=grows_linearly)


def _definite(program: Program, variables: Sequence[Variable], beside: Beside) -> bool:
    """Whether the energies are a quadratic, positive definite in these real variables.

    `beside` judges the summands that are not quadratics.
    """
    expansion = Expansion(frozenset(v.name for v in variables), program.nets)
    if any(v.type.kind.name != "real" or v.type.may_miss for v in variables):
        return False
    products: list[Product] = []
    for node, minus in (s for energy in program.energies for s in summands(energy)):
        found = expansion.products(node) if expansion.degree(node) <= 2 else None
        if found is None and not beside(node, expansion):
            return False
        products += negated(found or []) if minus else found or []
    names = [v.name for v in variables]
    return _by_norms(products, names) or _by_elimination(products, names)


# ── by norms ─────────────────────────────────────────────────────────────────────────────────────


def _by_norms(products: Iterable[Product], names: Sequence[str]) -> bool:
    lower: dict[str, list[Interval]] = {name: [] for name in names}
    for product in products:
        for name, curvature in _bounds(product):
            lower[name].append(-curvature if product.minus else curvature)
    return all(_positive(found) for found in lower.values())


def _positive(found: Sequence[Interval]) -> bool:
    """Whether a sum is positive, rounding aside."""
    lost, total = sum(-min(i.low, 0.0) for i in found), sum(i.low for i in found)
    if lost == 0:
        return any(i.positive for i in found)
    return total > MARGIN * lost


def _bounds(product: Product) -> Iterable[tuple[str, Interval]]:
    """Intervals λ_v with Σ_v λ_v ‖x_v‖² on either side of the product."""
    if product.square:
        exact = len(product.left) == 1 and all(place is not None for _, place in product.left)
        for (name, _), factor in product.left.items():
            most = len(product.left) * _largest(factor) ** 2
            norm = square(factor) if exact else Interval(0.0, most)
            yield name, product.weight * norm
        return
    for (u, here), a in product.left.items():
        for (v, there), b in product.right.items():
            if u == v and here == there and here is not None:
                yield u, product.weight * (a * b)
                continue
            most = _largest(product.weight) * _largest(a) * _largest(b)
            share = Interval(-most, most) if u == v else Interval(-most / 2, most / 2)
            yield from ((name, share) for name in {u, v})


def _largest(interval: Interval) -> float:
    return max(abs(interval.low), abs(interval.high))


def square(interval: Interval) -> Interval:
    """The squares of an interval's numbers."""
    ends = [interval.low**2, interval.high**2]
    if interval.low > 0 or interval.high < 0:
        return Interval(min(ends), max(ends))
    return Interval(0.0, max(ends), interval.positive)


# ── by elimination ───────────────────────────────────────────────────────────────────────────────


def _by_elimination(products: Sequence[Product], names: Sequence[str]) -> bool:
    if any(not p.square or p.minus or p.weight.low < 0 for p in products):
        return False
    squares = [p.left for p in products if p.weight.positive]
    zero: set[str] = set()
    while more := {name for image in squares if (name := _shown(image, zero))}:
        zero |= more
    return zero.issuperset(names)


def _shown(image: Image, zero: set[str]) -> str | None:
    """The one variable that is 0 wherever the image is and those in `zero` are."""
    left = [(name, place, factor) for (name, place), factor in image.items() if name not in zero]
    if len(left) != 1:
        return None
    name, place, factor = left[0]
    return name if place is not None and square(factor).positive else None

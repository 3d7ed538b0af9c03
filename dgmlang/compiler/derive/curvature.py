"""The second derivative of an energy in each site of one variable, as an interval.

Where it is above 0 and the energy is of degree two in the variable, each site's conditional is a
Gaussian. Interval arithmetic over the kinds of what is multiplied: a curvature that cannot be seen
to be positive counts as none. Derivatives are known only while each site stands in one entry: once
something that reads the variable is broadcast, they are not.
"""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Apply, Expr, Net, Program, Read
from dgmlang.compiler.types.kinds import REALS, Interval
from dgmlang.compiler.walk import bare

ZERO, ONE, TWO = Interval(0.0, 0.0), Interval(1.0, 1.0), Interval(2.0, 2.0)


@frozen()
class Expansion:
    """First and second derivative in a site, of the entries that read it."""

    slope: Interval
    curvature: Interval


def quadratic(program: Program, variable: str) -> bool:
    """Whether the energies are of degree two in a variable, and curved upwards in each site."""
    total = ZERO
    for energy in program.energies:
        if degree(energy, {variable}, program.nets) > 2:
            return False
        total = total + expansion(energy, variable, program.nets).curvature
    return total.positive


def expansion(node: Expr, variable: str, nets: Mapping[str, Net]) -> Expansion:
    """What is known of the derivatives of an expression of degree two at most."""
    node = bare(node)
    highest = degree(node, {variable}, nets)
    if highest == 0:
        return Expansion(ZERO, ZERO)
    if isinstance(node, Read):
        return Expansion(ONE, ZERO)
    apart = isinstance(node, Apply) and _apart(node, variable, nets)
    found = _applied(node, variable, nets) if isinstance(node, Apply) and apart else None
    unknown = Expansion(REALS, ZERO if highest <= 1 else REALS)
    return found or unknown


def _apart(node: Apply, variable: str, nets: Mapping[str, Net]) -> bool:
    """Whether each entry below stands in one entry of the result."""
    moved = [e for e in node.args if degree(e, {variable}, nets)]
    same = all(e.type.array_shape == node.type.array_shape for e in moved)
    return same or node.extern.has("reduction")


def _applied(node: Apply, variable: str, nets: Mapping[str, Net]) -> Expansion | None:
    rule = node.extern.argument("interval")
    below = [expansion(e, variable, nets) for e in node.args]
    match rule:
        case ("add",):
            return _scaled(below[0], ONE, below[1])
        case ("subtract",):
            return _scaled(below[1], -ONE, below[0])
        case ("negative",):
            return _scaled(below[0], -ONE)
        case ("sum",):
            return below[0]
        case ("multiply",) | ("divide",):
            return _product(node, below, variable, nets, inverse=rule == ("divide",))
        case ("power",) if degree(node.args[0], {variable}, nets) < degree(node, {variable}, nets):
            return Expansion(REALS, TWO * _square(below[0].slope))  # of degree two: a square
    return None


def _product(
    node: Apply, below: list[Expansion], variable: str, nets: Mapping[str, Net], inverse: bool
) -> Expansion | None:
    """The product with a factor that does not read the variable."""
    for this, other in ((0, 1), (1, 0)):
        factor = node.args[other].type.kind.interval
        if degree(node.args[other], {variable}, nets) == 0 and factor is not None:
            if inverse:
                return _scaled(below[this], factor.reciprocal()) if this == 0 else None
            return _scaled(below[this], factor)
    return None


def _scaled(one: Expansion, factor: Interval, added: Expansion | None = None) -> Expansion:
    added = added or Expansion(ZERO, ZERO)
    return Expansion(added.slope + one.slope * factor, added.curvature + one.curvature * factor)


def _square(slope: Interval) -> Interval:
    ends = [slope.low**2, slope.high**2]
    away = slope.low > 0 or slope.high < 0
    positive = slope.positive or (-slope).positive or slope.high < 0
    return Interval(min(ends) if away else 0.0, max(ends), positive and not away)

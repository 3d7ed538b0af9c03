"""Params that start at zero where no gradient leaves: a · b with both at zero, a ** 2.

Of an expression as a power series in those params two numbers are bounded from below: the degree of
its lowest term, and that of the lowest term with one param in it. If the latter is above one
wherever that param is read, its gradient is zero, and stays so while the params that it meets do.
"""

from __future__ import annotations

from collections.abc import Set
from math import inf

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.program import Apply, Expr, Index, Literal, Program, Read, Stack, Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.types.literals import numbers
from dgmlang.compiler.walk import arguments, bare, children, laws, walk

Lowest = tuple[float, float]
"""The degrees of the lowest term, and of the lowest one with the param."""


def check_stuck(program: Program, report: Report) -> None:
    """DGM0343 for the first param that no gradient moves, and what holds it."""
    left = {v.name for v in program.having("param") if v.law is None and _at_zero(v)}
    if not left:
        return
    roots = [*(e for law in laws(program) for e in arguments(law)), *program.energies]
    roots += [net.body for net in program.nets.values()]
    roots += [] if program.critic is None else [program.critic.value]
    read = {node.name for node in walk(*roots) if isinstance(node, Read)}
    found: set[str] | None = None
    while left and left != found:
        found, left = left, {n for n in left & read if _still(n, left, roots)}
    stuck = [v for v in program.having("param") if v.name in left and v.start is not None]
    if stuck and stuck[0].start is not None:
        others = [v.name for v in stuck[1:]]
        report.say(codes.no_gradient(stuck[0].start.span, stuck[0].name, others))


def _at_zero(param: Variable) -> bool:
    start = param.start
    if start is None or param.type.kind.name != "real":
        return False
    if isinstance(start, Apply):
        return start.extern.name == "zeros"
    return not any(_flat(numbers(start), 1.0))


def _flat(value: object, unknown: float) -> list[float]:
    if isinstance(value, tuple):
        return [number for part in value for number in _flat(part, unknown)]
    return [float(value) if isinstance(value, int | float) else unknown]


def _still(param: str, zero: Set[str], roots: list[Expr]) -> bool:
    """Whether the gradient in a param is zero at the start, whatever the other values are."""
    known: dict[int, Lowest] = {}
    return all(_lowest(root, param, zero, known)[1] > 1 for root in roots)


def _lowest(node: Expr, param: str, zero: Set[str], known: dict[int, Lowest]) -> Lowest:
    node = bare(node)
    if id(node) not in known:
        if isinstance(node, Read):
            known[id(node)] = float(node.name in zero), 1.0 if node.name == param else inf
        else:
            below = [_lowest(child, param, zero, known) for child in children(node)]
            known[id(node)] = _combined(node, below)
    return known[id(node)]


def _combined(node: Expr, below: list[Lowest]) -> Lowest:
    """Sums take the lower degrees and products add them; of what else there is nothing is known."""
    least = min((own for _, own in below), default=inf)
    if isinstance(node, Literal):
        return (inf if node.value == 0 else 0.0), inf
    if isinstance(node, Stack | Index):
        parts = below if isinstance(node, Stack) else below[:1]
        return min(whole for whole, _ in parts), least
    if not isinstance(node, Apply):
        return 0.0, least
    extern = node.extern
    if extern.has("affine"):
        return min(whole for whole, _ in below), least
    if extern.has("multilinear"):
        only = extern.argument("multilinear")
        factor = [not only or p.name in only for p in extern.groups[0]]
        whole = [w if one else 0.0 for (w, _), one in zip(below, factor, strict=False)]
        each = (o + sum(whole[:i]) + sum(whole[i + 1 :]) for i, (_, o) in enumerate(below))
        return sum(whole), min(each, default=inf)
    exponent = node.args[-1] if extern.argument("interval") == ("power",) else None
    if isinstance(exponent, Literal) and isinstance(exponent.value, int) and exponent.value > 0:
        (whole, own), power = below[0], exponent.value
        return whole * power, own + whole * (power - 1)
    return 0.0, least

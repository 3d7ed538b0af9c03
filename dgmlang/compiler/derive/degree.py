"""The degree of an expression as a polynomial in the entries of some variables."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import inf

from dgmlang.compiler.program import Apply, Expr, Index, Literal, Local, Net, Read, Stack, Through
from dgmlang.compiler.walk import bare, children, reads


def degree(node: Expr, variables: Set[str], nets: Mapping[str, Net]) -> float:
    """The total degree, `inf` where it is not seen to be a polynomial.

    Sums take the larger degree, products (functions that are `multilinear`) add them, `affine`
    functions keep it; a fixed whole power multiplies it.
    """
    node = bare(node)
    if isinstance(node, Read):
        return 1 if node.name in variables else 0
    if isinstance(node, Literal | Local):
        return 0
    if not set(reads(node)) & variables:
        return 0
    below = [degree(child, variables, nets) for child in children(node)]
    if isinstance(node, Apply):
        return _applied(node, below)
    if isinstance(node, Stack):
        return max(below)
    if isinstance(node, Index):
        return below[0] if not any(below[1:]) else inf
    if isinstance(node, Through) and all(s.extern.has("affine") for s in node.chain.stages):
        return below[0] if not any(below[1:]) else inf
    return inf


def _applied(node: Apply, below: list[float]) -> float:
    extern = node.extern
    if extern.has("affine"):
        return max(below)
    if extern.has("multilinear"):
        only = extern.argument("multilinear")
        free = [
            d for p, d in zip(extern.groups[0], below, strict=True) if only and p.name not in only
        ]
        return inf if any(free) else sum(below)
    exponent = node.args[-1]
    if extern.argument("interval") == ("power",) and isinstance(exponent, Literal):
        power = exponent.value
        if isinstance(power, int) and power >= 0:
            return below[0] * power
    return inf

"""The degree of an expression as a polynomial in the entries of some variables."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import inf

from dgmlang.compiler.program import (
    Apply,
    Call,
    Expr,
    Index,
    Literal,
    Local,
    LogProb,
    Named,
    Net,
    Read,
    Stack,
    Stage,
    Through,
)
from dgmlang.compiler.walk import bare, children

Degrees = Mapping[str, float]


def degree(
    node: Expr, variables: Set[str], nets: Mapping[str, Net], inner: Degrees | None = None
) -> float:
    """The total degree, `inf` where it is not seen to be a polynomial.

    Sums take the larger degree, products (functions that are `multilinear`) add them, `affine`
    functions keep it; a fixed whole power multiplies it. A class counts by its one-hot: functions
    `over_levels` are of degree one in each class that they take as it is, and no other function of
    a class is a polynomial. A net's body is looked at with the degrees `inner` of its parameters.
    """
    node = bare(node)
    if isinstance(node, Read):
        return 0 if node.name not in variables else inf if is_class(node, variables) else 1
    if isinstance(node, Local):
        return (inner or {}).get(node.name, 0)
    if isinstance(node, Apply) and node.extern.has("over_levels"):
        classes = [is_class(arg, variables) for arg in node.args]
        others = [a for a, one in zip(node.args, classes, strict=True) if not one]
        if any(classes):
            fixed = not any(degree(a, variables, nets, inner) for a in others)
            return sum(classes) if fixed else inf
    below = [degree(child, variables, nets, inner) for child in children(node)]
    if not any(below):
        return 0
    match node:
        case Apply():
            return _applied(node, below)
        case Stack():
            return max(below)
        case Index():
            return below[0] if not any(below[1:]) else inf
        case Through() if all(_affine(stage) for stage in node.chain.stages):
            return below[0] if not any(below[1:]) else inf
        case LogProb(law=Named() as law):
            return _of_gaussian(law, below)
        case Call():
            return _of_net(node, dict(zip(node.call.args, below, strict=True)), nets)
    return inf


def is_class(node: Expr, variables: Set[str]) -> bool:
    """Whether the expression is such a variable of classes, its sites perhaps moved."""
    node = bare(node)
    if isinstance(node, Apply) and node.extern.has("entrywise_permutation"):
        return is_class(node.args[0], variables)
    return isinstance(node, Read) and node.name in variables and node.type.kind.name == "cat"


def _of_gaussian(law: Named, below: list[float]) -> float:
    """The log density of a Gaussian is of degree two in its value and its location."""
    if not law.extern.has("gaussian"):
        return inf
    location = law.extern.argument("gaussian")
    value, *arguments = below
    free = [d for name, d in zip(law.arguments, arguments, strict=True) if name not in location]
    return inf if any(free) else 2 * max([value, *arguments])


def _of_net(node: Call, inner: Degrees, nets: Mapping[str, Net]) -> float:
    """A head's dense map is affine; what maps it into its kind is not, but for the reals."""
    net = nets[node.call.net]
    head = next(h for h in net.heads if h.name == node.head)
    return degree(net.body, set(), nets, inner) if head.type.kind.name == "real" else inf


def _affine(stage: Stage) -> bool:
    return stage.extern.has("affine") or stage.extern.has("linear")


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

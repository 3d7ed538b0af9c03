"""Whether the law of x, written with `past(x)`, lets an entry see itself or later ones.

Abstract interpretation: of every expression we know whether it depends on the past at all, and if
so whether its leading axes are x's sites, each seeing at most itself (`weak`) or only earlier ones
(`strict`). Entrywise operations keep that; causal stages bring it about; anything else breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import (
    Apply,
    Call,
    Choose,
    Expr,
    Law,
    Local,
    Net,
    Past,
    Stage,
    Through,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.walk import arguments, children, walk

FREE, STRICT, WEAK = 0, 1, 2


class Broken(Exception):
    """A step through which the past does not flow causally."""

    def __init__(self, span: Span, step: str) -> None:
        super().__init__(step)
        self.span, self.step = span, step


@dataclass(frozen=True)
class Seen:
    """What the walk knows: the nets, and how a net's parameters depend on the past."""

    nets: Mapping[str, Net]
    locals: Mapping[str, int]


def check_causality(law: Law, nets: Mapping[str, Net], report: Report) -> None:
    """Report DGM0318 where the law breaks causality, DGM0290 where its input would need a shift."""
    past = next((e for e in walk(*arguments(law)) if isinstance(e, Past)), None)
    if past is None:
        return
    seen = Seen(nets, {})
    try:
        worst = max(dependence(e, seen) for e in arguments(law))
    except Broken as broken:
        report.say(codes.not_causal(broken.span, broken.step, past.span))
        return
    if worst == WEAK:
        report.say(name_codes.not_built(past.span, "shifted pasts"))


def dependence(node: Expr, seen: Seen) -> int:
    """FREE, STRICT or WEAK; raises Broken at the step that mixes sites."""
    match node:
        case Past():
            return WEAK
        case Local(name):
            return seen.locals.get(name, FREE)
        case Through():
            return _through(node, seen)
        case Call():
            return _net(node, seen)
    below = max((dependence(c, seen) for c in children(node)), default=FREE)
    if below == FREE:
        return FREE
    if isinstance(node, Choose) or (isinstance(node, Apply) and node.extern.has("entrywise")):
        return below
    name = node.extern.name if isinstance(node, Apply) else node.span.text
    raise Broken(node.span, f"`{name}`")


def _net(node: Call, seen: Seen) -> int:
    below = {n: dependence(a, seen) for n, a in node.call.args.items()}
    if max(below.values(), default=FREE) == FREE or node.call.net not in seen.nets:
        return FREE
    net = seen.nets[node.call.net]
    result = dependence(net.body, Seen(seen.nets, below))
    head = next(h for h in net.heads if h.name == node.head)
    if result != FREE and not (head.masked or head.direct or head.prefix):
        raise Broken(node.span, f"the head of `{net.name}`")
    return result


def _through(node: Through, seen: Seen) -> int:
    current = dependence(node.value, seen)
    for stage in node.chain.stages:
        current = _stage(stage, current)
        for e in stage.inputs.values():
            if dependence(e, seen) != FREE:
                raise Broken(e.span, "a condition")
    return current


def _stage(stage: Stage, below: int) -> int:
    if below == FREE:
        return FREE
    causal = stage.extern.argument("causal")
    if causal:
        return STRICT if causal[0] == "strict" else below
    raise Broken(stage.span, f"`{stage.extern.name}`")

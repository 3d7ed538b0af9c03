"""Whether the law of x, written with `past(x)`, lets an entry see itself or later ones.

Abstract interpretation. Of every expression we know how it depends on the past: not at all (FREE);
entry by entry (SITES: entry i on x's entry i, so the input would need a shift); as hidden features
that only a masked head may read (FEATURES); or strictly (STRICT: what stands at site i depends on
earlier entries only). Entrywise operations keep SITES and STRICT where no tracked operand is
broadcast; a strict causal stage makes FEATURES of SITES; its masked head makes STRICT of them.
Anything else breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.program import (
    Apply,
    Call,
    Choose,
    Expr,
    Law,
    Local,
    Mixture,
    Named,
    Net,
    Past,
    Stage,
    Through,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.types.kinds import ARRAYS
from dgmlang.compiler.walk import arguments, bare, children, walk

FREE, STRICT, FEATURES, SITES = 0, 1, 2, 3


class Broken(Exception):
    """A step through which the past does not flow causally."""

    def __init__(self, span: Span, step: str) -> None:
        super().__init__(step)
        self.span, self.step = span, step


@dataclass(frozen=True)
class Seen:
    """What the walk knows: the nets, the sites' shape, how a net's parameters depend on them."""

    nets: Mapping[str, Net]
    sites: Shape
    locals: Mapping[str, int]


def check_causality(variable: Variable, nets: Mapping[str, Net], report: Report) -> None:
    """Report DGM0318 where a law breaks causality, DGM0290 where its input would need a shift."""
    law = variable.law
    pasts = [e for e in walk(*arguments(law)) if isinstance(e, Past)] if law else []
    if law is None or not pasts:
        return
    foreign = [p for p in pasts if p.variable != variable.name]
    if foreign:
        report.say(law_codes.past_elsewhere(foreign[0].span, foreign[0].variable))
    elif len({p.order for p in pasts}) > 1:
        report.say(law_codes.not_causal(pasts[1].span, "a second order", pasts[0].span))
    else:
        _check(law, Seen(nets, variable.type.array_shape, {}), pasts[0], report)


def _check(law: Law, seen: Seen, past: Past, report: Report) -> None:
    try:
        worst = _of_law(law, seen)
    except Broken as broken:
        report.say(law_codes.not_causal(broken.span, broken.step, past.span))
        return
    if worst == SITES:
        report.say(name_codes.not_built(past.span, "shifted pasts"))


def _of_law(law: Law, seen: Seen) -> int:
    """Site i of a law takes what stands at site i of its arguments, by the shapes declared."""
    if isinstance(law, Named):
        return max((_argument(law, n, e, seen, 0) for n, e in law.arguments.items()), default=FREE)
    if isinstance(law, Mixture) and isinstance(law.component, Named):
        if law.weights.type.shape != seen.sites:
            raise Broken(law.span, "a mixture of whole arrays")
        weights = dependence(law.weights, seen)
        inner = law.component
        each = (_argument(inner, n, e, seen, 1) for n, e in inner.arguments.items())
        return max(weights, *each)
    raise Broken(law.span, "a law of whole arrays")


def _argument(law: Named, name: str, value: Expr, seen: Seen, components: int) -> int:
    """One argument: beyond the sites it has just the axes that one entry of the law takes."""
    found = dependence(value, seen)
    if found == FREE:
        return FREE
    wanted = next(p.type for p in law.extern.parameters if p.name == name)
    own = len(wanted.shape or ()) + ARRAYS.get(wanted.kind, 0) + components
    shape = value.type.array_shape
    aligned = shape[: len(seen.sites)] == seen.sites and len(shape) == len(seen.sites) + own
    if not aligned or law.extern.type is None or law.extern.type.shape:
        raise Broken(value.span, f"`{law.extern.name}`")
    if found == FEATURES:
        raise Broken(value.span, "features without a head")
    return found


# ── expressions ──────────────────────────────────────────────────────────────────────────────────


def dependence(node: Expr, seen: Seen) -> int:
    """FREE, STRICT, FEATURES or SITES; raises Broken at the step that mixes sites."""
    node = bare(node)
    match node:
        case Past():
            return SITES
        case Local(name):
            return seen.locals.get(name, FREE)
        case Through():
            return _through(node, seen)
        case Call():
            return _net(node, seen)
    tracked = [(c, d) for c in children(node) if (d := dependence(c, seen)) != FREE]
    if not tracked:
        return FREE
    entrywise = isinstance(node, Choose) or _entrywise(node)
    whole = all(c.type.array_shape == node.type.array_shape for c, _ in tracked)
    if entrywise and whole and all(d != FEATURES for _, d in tracked):
        return max(d for _, d in tracked)
    name = node.extern.name if isinstance(node, Apply) else node.span.text
    raise Broken(node.span, f"`{name}`")


def _entrywise(node: Expr) -> bool:
    return isinstance(node, Apply) and node.extern.has("entrywise")


def _net(node: Call, seen: Seen) -> int:
    below = {n: dependence(a, seen) for n, a in node.call.args.items()}
    if not any(below.values()) or node.call.net not in seen.nets:
        return FREE
    net = seen.nets[node.call.net]
    result = dependence(net.body, Seen(seen.nets, seen.sites, below))
    head = next(h for h in net.heads if h.name == node.head)
    if result == FEATURES and head.masked:
        return STRICT
    if result != FREE and not (head.direct and result != FEATURES):
        raise Broken(node.span, f"the head of `{net.name}`")
    return result


def _through(node: Through, seen: Seen) -> int:
    current = dependence(node.value, seen)
    for stage in node.chain.stages:
        for e in stage.inputs.values():
            if dependence(e, seen) != FREE:
                raise Broken(e.span, "a condition")
        current = _stage(stage, current, seen)
    return current


def _stage(stage: Stage, below: int, seen: Seen) -> int:
    if below == FREE:
        return FREE
    strict = stage.extern.argument("causal") == ("strict",) and stage.extern.has("masked_head")
    if strict and below == SITES and stage.source.array_shape == seen.sites and _unmapped(stage):
        return FEATURES
    raise Broken(stage.span, f"`{stage.extern.name}`")


def _unmapped(stage: Stage) -> bool:
    """Whether the stage takes its whole input at once, not row by row."""
    source = stage.extern.source
    return source is not None and len(source.shape or ()) == len(stage.source.array_shape)

"""Whether the law of x, written with `past(x)`, lets an entry see itself or later ones.

Abstract interpretation. Of every expression we know how it depends on the past: not at all (FREE);
on entries up to and including its own (WEAK, as the past itself does); as hidden features that only
a masked head may read (FEATURES); or on earlier entries alone (STRICT). The axes of the sites come
first and the features of a site behind them, so what maps the axes behind keeps WEAK and STRICT. A
strict causal stage makes STRICT of WEAK, or FEATURES where it brings masked heads, which make
STRICT of them; a weak one keeps what it gets. Anything else breaks it. A law that ends WEAK reads
its past shifted by one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Apply,
    Call,
    Chain,
    Choose,
    Chosen,
    Expr,
    Index,
    Law,
    Local,
    Mixture,
    Named,
    Net,
    NetUse,
    Outside,
    Past,
    Stage,
    Through,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.declared import unit
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.types.kinds import ARRAYS, Type
from dgmlang.compiler.walk import arguments, bare, children, walk

FREE, STRICT, WEAK, FEATURES = 0, 1, 2, 3


class Broken(Exception):
    """A step through which the past does not flow causally; `help` where a net is no remedy."""

    def __init__(self, span: Span, step: str, help: str | None = None) -> None:
        super().__init__(step)
        self.span, self.step, self.help = span, step, help


@frozen()
class Seen:
    """What the walk knows: the nets, the sites' shape and order, a net's parameters' dependence.

    `only`: the one place of a past that is looked at; None for all.
    """

    nets: Mapping[str, Net]
    sites: Shape
    raster: bool
    locals: Mapping[str, int]
    only: Past | None = None


def check_causality(variable: Variable, nets: Mapping[str, Net], report: Report) -> None:
    """Report DGM0318 where a law breaks causality, DGM0319 where it reads another's past."""
    pasts = pasts_of(variable.law)
    if variable.law is None or not pasts:
        return
    foreign = [p for p in pasts if p.variable != variable.name]
    if foreign:
        report.say(law_codes.past_elsewhere(foreign[0].span, foreign[0].variable))
    elif len({p.order for p in pasts}) > 1:
        help = f"read `{pasts[0].span.text}` at both places"
        report.say(law_codes.not_causal(pasts[1].span, "a second order", pasts[0].span, help))
    else:
        try:
            _of_law(variable.law, _seen(variable, nets, pasts[0]))
        except Broken as broken:
            help = broken.help or law_codes.causal_net(len(variable.type.array_shape))
            report.say(law_codes.not_causal(broken.span, broken.step, pasts[0].span, help))


def shifted(variable: Variable, nets: Mapping[str, Net]) -> tuple[Past, ...]:
    """The pasts of a causal law that are read shifted by one place: no stage is strict."""
    law = variable.law
    if law is None:
        return ()
    seen = [replace(_seen(variable, nets, past), only=past) for past in pasts_of(law)]
    return tuple(s.only for s in seen if s.only and _of_law(law, s) == WEAK)


def pasts_of(law: Law | None) -> list[Past]:
    """The places at which a law reads a past."""
    return [e for e in walk(*arguments(law)) if isinstance(e, Past)] if law else []


def _seen(variable: Variable, nets: Mapping[str, Net], past: Past) -> Seen:
    return Seen(nets, variable.type.array_shape, past.order == ("raster",), {})


def _of_law(law: Law, seen: Seen) -> int:
    """Site i of a law takes what stands at site i of its arguments, by the shapes declared."""
    if isinstance(law, Named):
        return max((_argument(law, n, e, seen, 0) for n, e in law.arguments.items()), default=FREE)
    if isinstance(law, Mixture) and isinstance(law.component, Named):
        if law.weights.type.shape != seen.sites:
            help = "give each entry weights of its own: `simplex(K)` with the shape of the variable"
            raise Broken(law.span, "a mixture of whole arrays", help)
        weights = dependence(law.weights, seen)
        inner = law.component
        each = (_argument(inner, n, e, seen, 1) for n, e in inner.arguments.items())
        return max(weights, *each)
    if isinstance(law, Chosen):
        test = dependence(law.test, seen)
        if test != FREE and law.test.type.array_shape != seen.sites:
            help = "give each entry a condition of its own, or let `f(past(x))` say how it goes on"
            raise Broken(law.test.span, "a condition on the whole past", help)
        return max(test, _of_law(law.then, seen), _of_law(law.otherwise, seen))
    help = "take a law that is drawn entry by entry, as `Normal(…)`, with no stage behind it"
    raise Broken(law.span, "a law of whole arrays", help)


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
    """FREE, STRICT, WEAK or FEATURES; raises Broken at the step that mixes sites."""
    node = bare(node)
    match node:
        case Past():
            return WEAK if seen.only in (None, node) else FREE
        case Local(name):
            return seen.locals.get(name, FREE)
        case Through():
            return _through(node, seen)
        case Call():
            return _net(node, seen)
    tracked = [(c, d) for c in children(node) if (d := dependence(c, seen)) != FREE]
    if not tracked:
        return FREE
    if at_each_site(node, [c for c, _ in tracked], seen.sites) and all(
        d != FEATURES for _, d in tracked
    ):
        return max(d for _, d in tracked)
    name = node.extern.name if isinstance(node, Apply) else node.span.text
    raise Broken(node.span, f"`{name}`")


def at_each_site(node: Expr, tracked: list[Expr], over: Shape) -> bool:
    """Whether what stands at a site of the node is made of what stands there below it.

    The axes `over` the sites come first.
    """
    sites = len(over)
    if any(e.type.array_shape[:sites] != over for e in (node, *tracked)):
        return False
    match node:
        case Choose():
            return _aligned(node, tracked)
        case Index(value=value, items=items):
            return items == tuple(tracked) and not any(value is e for e in tracked)
        case Apply(extern=extern) if extern.has("entrywise"):
            return _aligned(node, tracked)
        case Apply(extern=extern) if extern.has("contraction"):
            left, right = node.args
            own = len(left.type.array_shape) > sites and len(right.type.array_shape) <= 2
            return tracked == [left] and own
        case Apply(extern=extern, settings=settings) if extern.has("reduction"):
            return _behind(settings["axis"], tracked[0], sites)
        case Apply(extern=extern, settings=settings) if extern.has("concatenation"):
            return _aligned(node, tracked) and _behind(settings["axis"], node, sites)
        case Apply(extern=extern) if not extern.has("entrywise_permutation"):
            own = len(extern.groups[0][0].type.shape or ())
            return len(node.args) == 1 and len(tracked[0].type.array_shape) - own >= sites
    return False


def _aligned(node: Expr, tracked: list[Expr]) -> bool:
    """Broadcasting lines axes up from the last, so sites meet sites where the ranks agree."""
    return all(len(e.type.array_shape) == len(node.type.array_shape) for e in tracked)


def _behind(axis: int | None, node: Expr, sites: int) -> bool:
    """Whether an axis is one of a site's features."""
    rank = len(node.type.array_shape)
    return axis is not None and axis % rank >= sites


def _net(node: Call, seen: Seen) -> int:
    below = {n: dependence(a, seen) for n, a in node.call.args.items()}
    if not any(below.values()) or node.call.net not in seen.nets:
        return FREE
    net = seen.nets[node.call.net]
    if isinstance(net.body, Outside):
        raise Broken(node.span, f"`{net.name}`")
    result = dependence(net.body, replace(seen, locals=below))
    head = next(h for h in net.heads if h.name == node.head)
    if result == FEATURES and head.masked:
        return STRICT
    mixes = not head.direct and head.prefix < len(seen.sites)
    if result == FEATURES or (result != FREE and mixes):
        help = f"take `raw` out of `{net.name}`, whose head is masked then" if head.direct else None
        raise Broken(node.span, f"the head of `{net.name}`", help)
    return result


def _through(node: Through, seen: Seen) -> int:
    return _along(node.chain, dependence(node.value, seen), seen)


def _along(chain: Chain, current: int, seen: Seen) -> int:
    for stage in chain.stages:
        for e in stage.inputs.values():
            if dependence(e, seen) != FREE:
                raise Broken(e.span, "a condition")
        current = _stage(stage, current, seen)
    return current


def mixing(conditioner: Chain) -> Span | None:
    """Where the net of an autoregressive bijection mixes entries; None where it is strict."""
    seen = Seen({}, conditioner.source.array_shape, raster=True, locals={})
    try:
        found = _along(conditioner, WEAK, seen)
    except Broken as broken:
        return broken.span
    return None if found in (STRICT, FEATURES) else conditioner.stages[-1].span


def strict(use: NetUse, source: Type, nets: Mapping[str, Net]) -> bool:
    """Whether what a declared net answers at an entry depends on the entries before it alone."""
    locals = {use.ports[0]: WEAK}
    try:
        found = dependence(use.value, Seen(nets, source.array_shape, raster=True, locals=locals))
    except Broken:
        return False
    return found in (FREE, STRICT)


def _stage(stage: Stage, below: int, seen: Seen) -> int:
    if below == FREE:
        return FREE
    if below in (WEAK, STRICT):
        if mapped_over(stage, len(seen.sites)):
            return below
        causal, shape = stage.extern.argument("causal"), stage.source.array_shape
        ordered = seen.raster or stage.extern.has("any_order")
        if causal == ("strict",) and shape == seen.sites and unit_rank(stage) == len(shape):
            if ordered:
                return FEATURES if stage.extern.has("masked_head") else STRICT
        elif causal == ("weak",) and ordered and _along_sites(stage, seen):
            return below
    raise Broken(stage.span, f"`{stage.extern.name}`", _one_way(stage, seen))


def _one_way(stage: Stage, seen: Seen) -> str | None:
    """How a stage that runs along the sites can do so in their order alone."""
    both = next((n for n in stage.extern.argument("acausal") if stage.settings[n]), None)
    if both is not None:
        return f"leave `{both}` out"
    causal = stage.extern.argument("causal")
    return "leave `order` out of `past`" if causal and not seen.raster else None


def mapped_over(stage: Stage, sites: int) -> bool:
    """Whether the stage takes the features of one site at a time."""
    return (
        stage.extern.kind == "layer"
        and stage.body is None
        and len(stage.source.array_shape) - unit_rank(stage) >= sites
    )


def _along_sites(stage: Stage, seen: Seen) -> bool:
    """Whether the stage's first axis is that of the sites, and it runs along it one way."""
    shape = stage.source.array_shape
    both_ways = any(stage.settings[name] for name in stage.extern.argument("acausal"))
    return shape[:1] == seen.sites and unit_rank(stage) == len(shape) and not both_ways


def unit_rank(stage: Stage) -> int:
    """How many trailing axes one call of the stage takes."""
    rank = len(stage.source.array_shape)
    return rank if stage.extern.source is None else unit(stage.extern.source, rank)

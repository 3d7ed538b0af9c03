"""Is ∇ log p absolutely continuous: is everything on its path `smooth`?

A kink (ReLU, |x|, a spline's knots) makes explicit and sliced score matching converge to a wrong
answer without a word: a ReLU energy on N(0, 1) ends at score 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from dgmlang.compiler.derive.facts import Facet, Witness
from dgmlang.compiler.program import (
    Apply,
    Call,
    Chain,
    Choice,
    Choose,
    Chosen,
    ComputedLaw,
    Expr,
    Law,
    Literal,
    Local,
    LogProb,
    Marginal,
    Mixture,
    Named,
    NetUse,
    Outside,
    Past,
    Program,
    Pushed,
    Read,
    Repeated,
    ScoreLaw,
    Stage,
    Through,
    chosen,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.walk import arguments, bare, entries, walk

Kink = tuple[str, Span]


def smooth(program: Program) -> Facet:
    """`yes`, or `no` with the first kink as the witness; a law of finite values has none."""
    if not any(v.type.kind.space == "continuous" for v in program.having("data", "latent")):
        return Facet("yes")
    for name, span in _kinks(program):
        text = f"`{name}` has a kink, so the second derivatives miss a part of the law"
        return Facet("no", (Witness("smooth", text, span),))
    return Facet("yes")


def _kinks(program: Program) -> Iterator[Kink]:
    for variable in program.having("data", "latent", "state"):
        # A score that is given directly need only be continuous.
        if variable.law is not None and not isinstance(variable.law, ScoreLaw):
            yield from _law(variable.law, program)
    for energy in program.energies:
        yield from _expression(energy, program)


def _law(law: Law, program: Program) -> Iterator[Kink]:
    if isinstance(law, Repeated):
        for entry in entries(law):
            yield from _law(entry, program)
        return
    continuous = law.type.kind.space == "continuous"
    if continuous and isinstance(law, Named) and not law.extern.has("smooth"):
        yield law.extern.name, law.span
    inner = {Pushed: ("base",), Mixture: ("component",), Chosen: ("then", "otherwise")}
    for name in inner.get(type(law), ()):
        yield from _law(getattr(law, name), program)
    if isinstance(law, Pushed | ComputedLaw) and law.chain is not None:
        yield from _chain(law.chain, program)
    if isinstance(law, Marginal):
        yield from _kinks(_moving(law.program))
    for argument in arguments(law):
        yield from _expression(argument, program)


def _moving(program: Program) -> Program:
    """A model whose givens may move with what stands for them."""
    given = {v.name: replace(v, role="latent") for v in program.having("given", "shared")}
    return replace(program, variables={**program.variables, **given})


def _expression(
    root: Expr, program: Program, still: AbstractSet[str] = frozenset()
) -> Iterator[Kink]:
    """The kinks on the way of data and latents; parameters of a net may be `still`."""
    for node in walk(root):
        if not _varies(node, program, still):
            continue
        if isinstance(node, Apply) and not _smooth_here(node):
            yield node.extern.name, node.span
        elif isinstance(node, Outside) and not node.smooth:
            yield node.net, node.span
        elif isinstance(node, Choose):
            yield "if … else", node.span
        elif isinstance(node, Call):
            args = node.call.args.items()
            fixed = {name for name, arg in args if not _varies(arg, program, still)}
            yield from _expression(program.nets[node.call.net].body, program, fixed)
        elif isinstance(node, Through):
            yield from _chain(node.chain, program)
        elif isinstance(node, LogProb):
            yield from _law(node.law, program)


def _varies(node: Expr, program: Program, still: AbstractSet[str] = frozenset()) -> bool:
    """Whether the value moves with data and latents: constants, params, givens do not."""
    return any(
        isinstance(below, Past)
        or (isinstance(below, Local) and _continuous(below) and below.name not in still)
        or (isinstance(below, Read) and program.variables[below.name].role in _MOVING)
        for below in walk(node)
    )


_MOVING = ("data", "latent", "state")


def _continuous(node: Expr) -> bool:
    return node.type.kind.space == "continuous"


def _smooth_here(node: Apply) -> bool:
    """The extern's own word, and on the arguments: √x and log x only where x is above 0."""
    extern = node.extern
    if not any(_continuous(a) for a in node.args) or extern.has("constant"):
        return True
    if extern.argument("interval") == ("power",):
        return _smooth_power(node)
    wanted = [p for p in extern.groups[0] if not p.static]
    pairs = zip(wanted, node.args, strict=False)
    domain = all(_positive(a) for p, a in pairs if p.type.kind == "positive")
    return extern.has("smooth") and domain


def _smooth_power(node: Apply) -> bool:
    base, exponent = node.args
    value = exponent.value if isinstance(exponent, Literal) else None
    return _positive(base) or (isinstance(value, int) and value >= 0)


def _positive(node: Expr) -> bool:
    interval = bare(node).type.kind.interval
    return interval is not None and interval.positive


def _chain(chain: Chain, program: Program) -> Iterator[Kink]:
    for stage in chain.stages:
        yield from _stage(stage, program)


def _stage(stage: Stage, program: Program) -> Iterator[Kink]:
    if stage.extern.has("smooth_as"):
        for name in stage.extern.argument("smooth_as"):
            held = stage.body if name == "body" else stage.settings[name]
            if isinstance(held, Chain):
                yield from _chain(held, program)
            elif isinstance(held, NetUse):
                yield from _expression(program.nets[held.net].body, program)
            elif isinstance(held, str | Choice) and not chosen(name, held).has("smooth"):
                yield chosen(name, held).name, stage.span
    elif not stage.extern.has("smooth"):
        yield stage.extern.name, stage.span

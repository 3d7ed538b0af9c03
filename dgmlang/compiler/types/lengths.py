"""Variables of varying length, `cat(V)[<= T]`: nothing may read what stands behind the end.

Abstract interpretation. Of every expression we know whose length its first axis has, if any
variable's. Entrywise operations and layers of one place keep it, stages that know where a sequence
ends (`lengths`) keep it or take it up; anything else would mix in what stands behind the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Apply,
    Call,
    Chosen,
    ComputedLaw,
    Counter,
    Expr,
    Index,
    Law,
    Local,
    Mixture,
    Named,
    Net,
    Outside,
    Past,
    Program,
    Quantized,
    Read,
    Repeated,
    SliceItem,
    Through,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.causality import at_each_site, mapped_over, unit_rank
from dgmlang.compiler.types.kinds import ARRAYS
from dgmlang.compiler.walk import arguments, bare, children

Length = str | None
"""The variable whose length the first axis has; None where the shape is fixed."""


class Mixed(Exception):
    """A step that would read what stands behind the end of a variable."""

    def __init__(self, span: Span, step: str, variable: str, *, turn: bool = False) -> None:
        super().__init__(step)
        self.span, self.step, self.variable, self.turn = span, step, variable, turn


@frozen()
class Seen:
    """What the walk knows: whose length variables have, the nets, and a net's parameters'."""

    owners: Mapping[str, str]
    nets: Mapping[str, Net]
    locals: Mapping[str, Length]


def owners(program: Program) -> dict[str, str]:
    """Of each variable of varying length, the variable that has the same and brings it."""
    return {v.name: _over(v.law) or v.name for v in program.variables.values() if v.type.varying}


def ended(program: Program) -> frozenset[str]:
    """The variables whose law draws their end along: a class of its own."""
    return frozenset(
        name
        for name, owner in owners(program).items()
        if name == owner
        and program.variables[name].role == "data"
        and program.variables[name].type.kind.name == "cat"
    )


def _over(law: Law | None) -> str | None:
    return law.loops[0].over if isinstance(law, Repeated) and law.loops else None


def check_lengths(program: Program, report: Report) -> None:
    """Report DGM0374 at the first step of each law, energy or critic that loses a length."""
    own = owners(program)
    if not own:
        return
    for root, wanted in _roots(program, own):
        try:
            found = length(root, Seen(own, program.nets, {}))
            if found not in (None, wanted):
                raise Mixed(root.span, "a law or value of fixed shape", found)
        except Mixed as mixed:
            report.say(_finding(mixed, program))
    for name, law in _laws(program):
        if name in own and not by_rows(law):
            report.say(_finding(Mixed(law.span, "a law of whole arrays", own[name]), program))


def _finding(mixed: Mixed, program: Program) -> Diagnostic:
    end = program.variables[mixed.variable].span
    return codes.behind_the_end(mixed.span, end, mixed.step, mixed.variable, turn=mixed.turn)


def by_rows(law: Law) -> bool:
    """Whether a law draws the rows of a variable's first axis each for itself."""
    match law:
        case Named():
            assert law.extern.type is not None
            own = len(law.extern.type.shape or ()) + ARRAYS.get(law.extern.type.kind, 0)
            return len(law.type.array_shape) > own
        case Mixture(weights=weights, component=Named()):
            return bool(weights.type.shape)
        case Quantized(base=Named()):
            return True
        case Chosen(then=then, otherwise=otherwise):
            return by_rows(then) and by_rows(otherwise)
    return isinstance(law, Repeated | ComputedLaw)


def _laws(program: Program) -> Iterator[tuple[str, Law]]:
    guide = {} if program.guide is None else program.guide.laws
    own = {v.name: v.law for v in program.variables.values()}
    for laws in (own, guide, program.noise):
        yield from ((name, law) for name, law in laws.items() if law is not None)


def _roots(program: Program, own: Mapping[str, str]) -> Iterator[tuple[Expr, Length]]:
    """Each expression of the program's outer level, with the length that it may have."""
    for name, law in _laws(program):
        wanted = None if isinstance(law, Repeated) else own.get(name)
        yield from ((e, wanted) for e in arguments(law))
    yield from ((e, None) for e in program.energies)
    if program.critic is not None:
        yield program.critic.value, None


def length(node: Expr, seen: Seen) -> Length:
    """Whose length the first axis of an expression has."""
    node = bare(node)
    match node:
        case Read(name):
            return seen.owners.get(name, name) if node.type.varying else None
        case Past(name):
            return seen.owners[name] if node.type.varying else None
        case Local(name):
            return seen.locals.get(name)
        case Through():
            return _through(node, seen)
        case Call():
            return _call(node, seen)
        case Index(value=value, items=(SliceItem() | Expr() as first, *_)):
            owner = length(value, seen)
            if owner is not None and _at_turn(first, owner):
                return None
    found = {c: name for c in children(node) if (name := length(c, seen)) is not None}
    if not found:
        return None
    first = next(iter(found.values()))
    axis = node.type.array_shape[:1]
    if len(set(found.values())) == 1 and at_each_site(node, list(found), axis):
        return first
    step = node.extern.name if isinstance(node, Apply) else node.span.text
    turn = isinstance(node, Index) and any(isinstance(i, Counter) for i in node.items)
    raise Mixed(node.span, f"`{step}`", first, turn=turn)


def _at_turn(item: Expr | SliceItem, owner: str) -> bool:
    """Whether an index stays before the end: at a turn of a loop over the same length."""
    turn = item.stop if isinstance(item, SliceItem) else item
    return isinstance(turn, Counter) and turn.loop.over == owner and turn.offset <= 0


def _call(node: Call, seen: Seen) -> Length:
    below = {n: length(a, seen) for n, a in node.call.args.items()}
    net = seen.nets[node.call.net]
    first = next((name for name in below.values() if name is not None), None)
    if isinstance(net.body, Outside) and first is not None:
        raise Mixed(node.span, f"`{net.name}`", first)
    found = length(net.body, replace(seen, locals=below))
    head = next(h for h in net.heads if h.name == node.head)
    if found is not None and not head.direct and head.prefix < 1:
        raise Mixed(node.span, f"the head of `{net.name}`", found)
    return found


def _through(node: Through, seen: Seen) -> Length:
    current = length(node.value, seen)
    for stage in node.chain.stages:
        aware = stage.extern.has("lengths")
        for e in stage.inputs.values():
            other = length(e, seen)
            if other is not None and not aware:
                raise Mixed(e.span, f"`{stage.extern.name}`", other)
        whole = unit_rank(stage) == len(stage.source.array_shape)
        if current is not None and not (mapped_over(stage, 1) or (aware and whole)):
            raise Mixed(stage.span, f"`{stage.extern.name}`", current)
    return current

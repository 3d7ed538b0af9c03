"""Variables of varying length, `cat(V)[<= T]`: nothing may read what stands behind the end.

Abstract interpretation. Of every expression we know whose length its first axis has, if any
variable's. Entrywise operations and layers of one place keep it, stages that know where a sequence
ends (`lengths`) keep it or take it up; anything else would mix in what stands behind the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.program import (
    Apply,
    Call,
    Expr,
    Local,
    Net,
    Outside,
    Past,
    Program,
    Read,
    Through,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.causality import at_each_site, mapped_over, unit_rank
from dgmlang.compiler.walk import arguments, bare, children

Length = str | None
"""The variable whose length the first axis has; None where the shape is fixed."""


class Mixed(Exception):
    """A step that would read what stands behind the end of a variable."""

    def __init__(self, span: Span, step: str, variable: str) -> None:
        super().__init__(step)
        self.span, self.step, self.variable = span, step, variable


@dataclass(frozen=True)
class Seen:
    """What the walk knows: the program, and the lengths of a net's parameters."""

    program: Program
    locals: Mapping[str, Length]


def check_lengths(program: Program, report: Report) -> None:
    """Report DGM0374 at the first step of each law, energy or critic that loses a length."""
    if not any(v.type.varying for v in program.variables.values()):
        return
    for root, own in _roots(program):
        try:
            found = length(root, Seen(program, {}))
            if found not in (None, own):
                raise Mixed(root.span, "a law or value of fixed shape", found)
        except Mixed as mixed:
            end = program.variables[mixed.variable].span
            report.say(codes.behind_the_end(mixed.span, end, mixed.step, mixed.variable))


def _roots(program: Program) -> Iterator[tuple[Expr, Length]]:
    """Each expression of the program's outer level, with the length that it may have."""
    guide = {} if program.guide is None else program.guide.laws
    laws = [(v.name, v.law) for v in program.variables.values()]
    for name, law in (*laws, *guide.items(), *program.noise.items()):
        own = name if program.variables[name].type.varying else None
        if law is not None:
            yield from ((e, own) for e in arguments(law))
    yield from ((e, None) for e in program.energies)
    if program.critic is not None:
        yield program.critic.value, None


def length(node: Expr, seen: Seen) -> Length:
    """Whose length the first axis of an expression has."""
    node = bare(node)
    match node:
        case Read(name) | Past(name):
            return name if seen.program.variables[name].type.varying else None
        case Local(name):
            return seen.locals.get(name)
        case Through():
            return _through(node, seen)
        case Call():
            return _call(node, seen)
    found = {c: name for c in children(node) if (name := length(c, seen)) is not None}
    if not found:
        return None
    first = next(iter(found.values()))
    axis = node.type.array_shape[:1]
    if len(set(found.values())) == 1 and at_each_site(node, list(found), axis):
        return first
    step = node.extern.name if isinstance(node, Apply) else node.span.text
    raise Mixed(node.span, f"`{step}`", first)


def _call(node: Call, seen: Seen) -> Length:
    below = {n: length(a, seen) for n, a in node.call.args.items()}
    net: Net = seen.program.nets[node.call.net]
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

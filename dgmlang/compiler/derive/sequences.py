"""What of sequences of varying length has no implementation yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dgmlang.compiler.derive.facts import Unbuilt
from dgmlang.compiler.program import Law, Program, ScoreLaw, Variable
from dgmlang.compiler.types.dependence import dependences
from dgmlang.compiler.types.lengths import ended, owners


def sequences(program: Program) -> Iterator[Unbuilt]:
    """The parts, each at its place in the text."""
    for v in (v for v in program.variables.values() if v.type.varying):
        yield from _of_variable(v, program)
    own = owners(program)
    for end in ended(program):
        law = program.variables[end].law
        for name in () if law is None else _beside(end, law, own, program):
            kind = f"end of `{end}` that reads, at its place, an entry of"
            yield Unbuilt(kind, name, program.variables[end].span)


def _of_variable(variable: Variable, program: Program) -> Iterator[Unbuilt]:
    name, critic = variable.name, program.critic
    if variable.role == "data" and variable.type.optional:
        yield Unbuilt("type", str(variable.type), variable.span)
    if isinstance(variable.law, ScoreLaw):
        yield Unbuilt("score of varying length of", name, variable.law.span)
    if critic is not None and name in critic.parameters:
        yield Unbuilt("critic of varying length of", name, critic.span)
    if name in program.noise:
        yield Unbuilt("noise of varying length of", name, program.noise[name].span)


def _beside(name: str, law: Law, own: Mapping[str, str], program: Program) -> Iterator[str]:
    """Data as long as `name` that its law reads at its own turn, or whole.

    Where a sequence ends by a class that is drawn, that turn has a law, and no such data. (A guide
    may read them there: any law is one, and what stands behind an end is read as a plain value.)
    """
    laws = {v.name: v.law for v in program.having("data") if v.law is not None}
    for found in dependences(name, law, laws):
        other, lag = found.read, next(iter(found.lags), None)
        same = own.get(other) == own[name] and other != own[name]
        if same and (lag is None or lag.least < 1):
            yield other

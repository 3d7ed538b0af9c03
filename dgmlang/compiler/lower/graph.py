"""What a program is made of: its expressions, the chains in it, and an order for its laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dgmlang.compiler.program import (
    Chain,
    ComputedLaw,
    Expr,
    Law,
    LogProb,
    Mixture,
    Program,
    Pushed,
    Through,
)
from dgmlang.compiler.walk import arguments, parents, walk


def laws(program: Program) -> Iterator[Law]:
    """The laws of variables, of the guide and of the noise."""
    yield from (v.law for v in program.variables.values() if v.law is not None)
    if program.guide is not None:
        yield from program.guide.laws.values()
    yield from program.noise.values()


def expressions(program: Program) -> Iterator[Expr]:
    """Every expression of the program, each once."""
    critic = () if program.critic is None else (program.critic.value,)
    starts = (v.start for v in program.variables.values() if v.start is not None)
    bodies = (net.body for net in program.nets.values())
    parts = (e for law in laws(program) for e in arguments(law))
    return walk(*parts, *starts, *bodies, *program.energies, *critic)


def chains(program: Program) -> Iterator[Chain]:
    """The chains that are applied to values; those inside stages are built by their stage."""
    inner = []
    for node in expressions(program):
        if isinstance(node, Through):
            yield node.chain
        elif isinstance(node, LogProb):
            inner.append(node.law)
    for law in (*laws(program), *inner):
        yield from _pushing(law)


def dependency_order(laws: Mapping[str, Law]) -> tuple[str, ...]:
    """The names of laws so that each stands after those it reads; ties as declared."""
    ordered: list[str] = []
    pending = {name: parents(law).keys() & laws.keys() - {name} for name, law in laws.items()}
    while pending:
        ready = next(name for name, needs in pending.items() if needs <= set(ordered))
        ordered.append(ready)
        del pending[ready]
    return tuple(ordered)


def _pushing(law: Law) -> Iterator[Chain]:
    match law:
        case Pushed(base=base, chain=chain):
            yield chain
            yield from _pushing(base)
        case Mixture(component=component):
            yield from _pushing(component)
        case ComputedLaw(chain=Chain() as chain):
            yield chain

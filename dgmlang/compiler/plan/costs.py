"""What an answer costs, read off the program: steps in sequence, nets evaluated, states, memory.

All of it is about one example. Nothing here is measured: `memory` is the room for the values of
one evaluation in single precision, which is what a gradient keeps, not what XLA makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from math import prod
from typing import Any

from dgmlang.compiler.derive.facts import Facts, Removal
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Call,
    Chain,
    Counter,
    Expr,
    Index,
    Law,
    NetCall,
    NetUse,
    Program,
    Read,
    Repeated,
    Stage,
    Through,
)
from dgmlang.compiler.types.dims import Dim, size
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.pictures import halvings
from dgmlang.compiler.walk import arguments, pushing, walk

BYTES = 4
"""Of one number in single precision."""


@frozen()
class Cost:
    """`steps` must follow one another; None where that is not known before it runs.

    `nets` says how often each net is evaluated, `states` how many numbers are summed over (called
    `summed` where people read it), and `memory` how many bytes the values take; None while a
    dimension is open. `note` says in other words than the number of steps how it goes.
    """

    steps: int | None = 1
    nets: Mapping[str, int] = field(default_factory=dict)
    states: int = 0
    memory: int | None = None
    note: str = ""
    summed: str = "states"

    @property
    def way(self) -> str:
        """How it goes, in words."""
        return self.note or sequence(self.steps)

    def __str__(self) -> str:
        words = [self.way]
        words += [f"{self.states} {self.summed} summed"] if self.states else []
        words += [f"{times} × {net}" for net, times in self.nets.items()]
        words += [f"{_bytes(self.memory)} an example"] if self.memory is not None else []
        return ", ".join(words)

    def json(self) -> dict[str, Any]:
        """The parts, as `explain --json` has them."""
        return {
            "steps": self.steps,
            "evaluations": dict(self.nets),
            "states": self.states,
            "memory": self.memory,
        }


def sequence(steps: int | None) -> str:
    """How many evaluations follow one another, in words."""
    if steps is None:
        return "turn after turn"
    return "one pass" if steps <= 1 else f"{steps} sequential steps"


def _bytes(count: int) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count = round(count / 1000)
    return f"{count} {unit}"


@frozen()
class Root:
    """An expression, evaluated `turns` times where it depends on the loop that it stands in."""

    expression: Expr
    turns: int


def roots(laws: Iterable[Law]) -> list[Root]:
    """What laws are made of, with the turns of the loops around it."""
    return [root for law in laws for root in _roots(law)]


def _roots(law: Law) -> Iterator[Root]:
    if not isinstance(law, Repeated):
        yield from (Root(e, 1) for e in arguments(law))
        return
    for piece in law.pieces:
        lengths = [(stop - start).value or 1 for start, stop in piece.ranges]
        yield from (Root(e, prod(lengths)) for e in arguments(piece.law))


# ── nets ─────────────────────────────────────────────────────────────────────────────────────────


def evaluations(found: Iterable[Root], program: Program, facts: Facts | None) -> dict[str, int]:
    """How often each net is evaluated; for each state of what `facts` say is summed out."""
    calls: dict[int, tuple[str, int]] = {}
    for root in found:
        for call in _calls(root.expression):
            times = root.turns if _turns(call) else 1
            for removal in facts.removed if facts else ():
                times *= _states(call, removal, program)
            calls[id(call)] = (call.net, max(times, calls.get(id(call), ("", 0))[1]))
    total: dict[str, int] = {}
    for net, times in calls.values():
        for name, inner in _within(net, program).items():
            total[name] = total.get(name, 0) + times * inner
    return total


def _within(net: str, program: Program) -> dict[str, int]:
    """A net, and how often its body evaluates others."""
    total = {net: 1}
    for call in {id(c): c for c in _calls(program.nets[net].body)}.values():
        for name, times in _within(call.net, program).items():
            total[name] = total.get(name, 0) + times
    return total


def _calls(root: Expr) -> Iterator[NetCall]:
    return (node.call for node in walk(root) if isinstance(node, Call))


def _turns(call: NetCall) -> bool:
    """Whether a call differs from turn to turn of the loop around it."""
    return any(isinstance(node, Counter) for node in walk(*call.args.values()))


def _states(call: NetCall, removal: Removal, program: Program) -> int:
    """At how many values of a latent that is summed out a call stands; 1 where it reads none."""
    if removal.states == 0:
        return 1
    variable, read = program.variables[removal.variable], set[object]()
    for node in walk(*call.args.values()):
        if isinstance(node, Index) and isinstance(node.value, Read):
            if node.value.name == variable.name:
                read.add(tuple(i.offset for i in node.items if isinstance(i, Counter)))
        elif isinstance(node, Read) and node.name == variable.name:
            read.add(())
    lags = len(read - {()}) or len(read)
    loops = len(variable.law.loops) if isinstance(variable.law, Repeated) else 0
    levels, sites = variable.type.kind.levels, size(variable.type.shape[loops:]).value
    return ((levels.value if levels else None) or 1) ** ((sites or 1) * lags)


def conditioners(laws: Iterable[Law]) -> dict[str, int]:
    """How often the nets in bijections are evaluated, by the name of the bijection."""
    total: dict[str, int] = {}
    stages = (found for law in laws for chain in pushing(law) for found in copied(chain))
    for stage, times in stages:
        held = any(isinstance(v, Chain | NetUse) for v in stage.settings.values())
        if held and not stage.extern.has("vector_field"):  # how often is known when it has run
            total[stage.extern.name] = total.get(stage.extern.name, 0) + times
    return total


def copied(chain: Chain, times: int = 1) -> Iterator[tuple[Stage, int]]:
    """The stages of a chain and of its blocks, each with how often it is there."""
    for stage in chain.stages:
        yield stage, times
        if stage.body is not None:
            yield from copied(stage.body, times * _copies(stage))


def _copies(stage: Stage) -> int:
    """How often a block is there; once where a dimension that is open says so."""
    named = [stage.settings[name] for name in stage.extern.argument("copies")]
    copies = prod((n.value or 1) if isinstance(n, Dim) else n for n in named)
    return copies * max(halvings(stage.extern, stage.settings), 1)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


def memory(found: Iterable[Root], laws: Iterable[Law], program: Program, states: int) -> int | None:
    """Bytes of all values that one evaluation makes, as many times as there are states."""
    if program.open:
        return None
    numbers = sum(root.turns * _numbers(root.expression, program) for root in found)
    numbers += sum(_outputs(chain) for law in laws for chain in pushing(law))
    return BYTES * numbers * max(states, 1)


def _numbers(root: Expr, program: Program) -> int:
    total, calls = 0, dict[int, NetCall]()
    for node in walk(root):
        if isinstance(node, Read) and not program.variables[node.name].of_examples:
            continue  # one for all examples
        total += _outputs(node.chain) if isinstance(node, Through) else _entries(node.type)
        if isinstance(node, Call):
            calls[id(node.call)] = node.call
    return total + sum(_numbers(program.nets[call.net].body, program) for call in calls.values())


def _outputs(chain: Chain) -> int:
    """What the stages of a chain put out, those in blocks for each copy."""
    return sum(_entries(s.target) + _inner(s) for s in chain.stages)


def _inner(stage: Stage) -> int:
    held = [v for v in stage.settings.values() if isinstance(v, Chain)]
    block = 0 if stage.body is None else _copies(stage) * _outputs(stage.body)
    return block + sum(_outputs(chain) for chain in held)


def _entries(of: Type) -> int:
    """The entries of a value; a ragged slice and the inside of a conditioner count as one."""
    return size(of.array_shape).value or 1

"""How many numbers a program learns, counted from types alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod

from dgmlang.compiler.derive.stage_weights import Uncounted, head_weights, stage_weights
from dgmlang.compiler.program import (
    Call,
    Chain,
    Expr,
    Head,
    Law,
    LogProb,
    NetUse,
    Outside,
    Program,
    Read,
    Stage,
    Through,
)
from dgmlang.compiler.types.dims import numbers, size
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import arguments, chains, marginals, pushing, stages, walk


def parameters(program: Program) -> int | None:
    """The count of learned numbers; None where a dimension is open or a formula is missing.

    It is missing for a net that Python passes.

    Params of constrained kinds count their free entries: a K-simplex has K − 1. A stage that
    stands at one place is counted once, however often a loop comes by.
    """
    outside = any(isinstance(net.body, Outside) for net in program.nets.values())
    if program.open or outside:
        return None
    total = sum(_free(p.type) for p in program.having("param"))
    total += sum(_head(head, net.body) for net in program.nets.values() for head in net.heads)
    if program.critic is not None:
        total += _head(program.critic.head, program.critic.value)
    placed = {(*chain.owner, s.place): s for chain in chains(program) for s in chain.stages}
    try:
        return total + sum(stage_weights(stage, stage.source) for stage in placed.values())
    except Uncounted:
        return None


def has_weights(program: Program) -> bool:
    """Whether some stage outside the nets, in a law or an energy, learns."""
    return any(map(has_own, outer_stages(program)))


def has_own(stage: Stage) -> bool:
    """Whether a stage learns, other than by a net that the program declares as its field."""
    declared = any(isinstance(held, NetUse) for held in stage.settings.values())
    shared = declared and stage.extern.has("vector_field")  # others have a head of the stage
    return not shared and not stage.extern.has("weightless")


def outer_stages(program: Program) -> Iterator[Stage]:
    """The stages in laws and energies, outside the nets; blocks and conditioners included."""
    laws = [v.law for v in program.variables.values() if v.law is not None]
    roots = [e for law in laws for e in arguments(law)] + list(program.energies)
    used = [chain for node in walk(*roots) for chain in applied(node)]
    used += [chain for law in laws for chain in pushing(law)]
    for chain in used:
        yield from stages(chain)


def everywhere(program: Program) -> bool:
    """Whether all that the model's own laws and energies learn has a prior."""
    laws = [v.law for v in program.having("data", "latent", "state") if v.law is not None]
    laws += program.priors.values()
    todo = [*(e for law in laws for e in arguments(law)), *program.energies]
    settings = (v for stage in outer_stages(program) for v in stage.settings.values())
    read = {held.net for held in settings if isinstance(held, NetUse)}
    todo += [program.nets[name].body for name in read]
    while todo:
        for node in walk(todo.pop()):
            if isinstance(node, Read) and program.variables[node.name].role == "param":
                read.add(node.name)
            elif isinstance(node, Call) and node.call.net not in read:
                read.add(node.call.net)
                todo.append(program.nets[node.call.net].body)
    return bool(read) and read <= program.priors.keys() and not has_weights(program)


def applied(node: Expr) -> tuple[Chain, ...]:
    """The chains that a node itself applies: stages, or those of a law whose density it is."""
    if isinstance(node, LogProb):
        return tuple(pushing(node.law))
    return (node.chain,) if isinstance(node, Through) else ()


def learns(law: Law, program: Program) -> bool:
    """Whether a law that reads no variable of examples has params, nets or stages that learn."""
    nodes = list(walk(*arguments(law)))
    used = [*(chain for node in nodes for chain in applied(node)), *pushing(law)]
    learned = (s for chain in used for s in stages(chain) if not s.extern.has("weightless"))
    params = {v.name for v in program.having("param")}
    own = any(isinstance(n, Call) or (isinstance(n, Read) and n.name in params) for n in nodes)
    nets = any(part.program.nets for part in marginals(law))
    return own or nets or any(True for _ in learned)


_FREE: Mapping[str, Callable[[int], int]] = {
    "simplex": lambda k: k - 1,
    "tril": lambda d: d * (d + 1) // 2,
    "cov": lambda d: d * (d + 1) // 2,
    "corr": lambda d: d * (d - 1) // 2,
    "corr_tril": lambda d: d * (d - 1) // 2,
}
"""The free entries of one value of a kind that is an array with constraints."""


def _free(of: Type) -> int:
    inner, free = numbers(of.kind.inner), _FREE.get(of.kind.name)
    return (size(of.shape).value or 0) * (free(inner[0]) if free else prod(inner))


def _head(head: Head, body: Expr) -> int:
    if head.direct:
        return 0
    wanted, features = numbers(head.type.array_shape), numbers(body.type.array_shape) or (1,)
    if head.masked:
        return head_weights(features[-1:], wanted, 0)
    return head_weights(features, wanted, head.prefix)

"""How many numbers a program learns, counted from types alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from dgmlang.compiler.program import (
    Call,
    Chain,
    ComputedLaw,
    Expr,
    Head,
    Law,
    Net,
    Program,
    Pushed,
    Read,
    Stage,
    Through,
)
from dgmlang.compiler.types.dims import numbers, size
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import arguments, pushing, stages, walk


def parameters(program: Program) -> int | None:
    """The count of learned numbers, or None where a dimension is open or a stage cannot be counted.

    Params of constrained kinds count their free entries: a K-simplex has K − 1.
    """
    if program.open or has_weights(program):
        return None
    total = sum(_free(p.type) for p in program.having("param"))
    for net in program.nets.values():
        weights = _net(net)
        if weights is None:
            return None
        total += weights
    return total


def has_weights(program: Program) -> bool:
    """Whether some stage outside the nets, in a law or an energy, learns."""
    return any(not stage.extern.has("weightless") for stage in outer_stages(program))


def outer_stages(program: Program) -> Iterator[Stage]:
    """The stages in laws and energies, outside the nets; blocks and conditioners included."""
    laws = [v.law for v in program.variables.values() if v.law is not None]
    roots = [e for law in laws for e in arguments(law)] + list(program.energies)
    chains = [node.chain for node in walk(*roots) if isinstance(node, Through)]
    chains += [law.chain for law in laws if isinstance(law, Pushed | ComputedLaw) and law.chain]
    for chain in chains:
        yield from stages(chain)


def learns(law: Law) -> bool:
    """Whether a law that reads params only has parameters: params, nets, stages that learn."""
    nodes = list(walk(*arguments(law)))
    used = [node.chain for node in nodes if isinstance(node, Through)] + list(pushing(law))
    learned = (s for chain in used for s in stages(chain) if not s.extern.has("weightless"))
    return any(isinstance(node, Read | Call) for node in nodes) or any(True for _ in learned)


def _free(of: Type) -> int:
    each = {"simplex": lambda k: k - 1, "tril": lambda d: d * (d + 1) // 2}.get(of.kind.name)
    count = size(of.shape).value or 0
    inner = numbers(of.kind.inner)
    return count * (each(inner[0]) if each else prod(inner))


def _net(net: Net) -> int | None:
    layers = [_chain(chain) for chain in _chains(net.body)]
    heads = [_head(head, net.body) for head in net.heads]
    return (
        None
        if any(n is None for n in (*layers, *heads))
        else sum(n or 0 for n in (*layers, *heads))
    )


def _chains(body: Expr) -> Iterator[Chain]:
    return (node.chain for node in walk(body) if isinstance(node, Through))


def _chain(chain: Chain) -> int | None:
    total = 0
    for stage in chain.stages:
        rule = stage.extern.argument("weights")
        if not rule and not stage.extern.has("weightless"):
            return None
        if rule:
            into = numbers(stage.source.array_shape)[-1]
            widths = stage.settings[rule[0]]
            for width in widths if isinstance(widths, tuple) else (widths,):
                total += (into + 1) * width
                into = width
    return total


def _head(head: Head, body: Expr) -> int | None:
    if head.direct:
        return 0
    wanted = numbers(head.type.array_shape)
    if head.masked:
        features = numbers(body.type.array_shape)[-1]
        return (features + 1) * prod(wanted)
    shape = numbers(body.type.array_shape) or (1,)
    return (shape[-1] + 1) * prod(wanted[head.prefix :])

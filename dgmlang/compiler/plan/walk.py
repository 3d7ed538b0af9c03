"""Ways through a program's graph: what a node holds, and which variables it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dgmlang.compiler.program import (
    Apply,
    Call,
    Chain,
    Choose,
    ComputedLaw,
    Expr,
    Index,
    Law,
    LogProb,
    Mixture,
    Named,
    NetCall,
    Past,
    Program,
    Pushed,
    Read,
    ScoreLaw,
    Stack,
    Stage,
    Through,
)

Node = Expr | Law | NetCall | Chain | Stage


def children(node: Node) -> Iterable[Node]:
    """The nodes that a node holds directly; a net's body is not below its calls."""
    match node:
        case Apply(args=items):
            return items
        case Index(value=value, items=items):
            return (value, *(item for item in items if isinstance(item, Expr)))
        case Stack(items=items):
            return items
        case Choose():
            return (node.test, node.then, node.otherwise)
        case Call(call=call):
            return (call,)
        case NetCall(args=args) | Named(arguments=args):
            return args.values()
        case Through(value=value, chain=chain):
            return (value, chain)
        case LogProb(law=law, value=value):
            return (law, value)
        case Chain(stages=stages):
            return stages
        case Stage():
            nested = (s for s in node.settings.values() if isinstance(s, Chain))
            body = () if node.body is None else (node.body,)
            return (*node.inputs.values(), *nested, *body)
        case Pushed(base=base, chain=chain):
            return (base, chain)
        case Mixture(weights=weights, component=component):
            return (weights, component)
        case ComputedLaw(value=value, chain=chain):
            return (value,) if chain is None else (value, chain)
        case ScoreLaw(value=value):
            return (value,)
    return ()


def below(*roots: Node) -> Iterator[Node]:
    """Every node at or below the roots, each once, parents first."""
    seen: set[int] = set()
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(list(children(node))))


def reads(*roots: Node) -> frozenset[str]:
    """The variables that are read at or below the roots, through `past` too."""
    found = set[str]()
    for node in below(*roots):
        if isinstance(node, Read):
            found.add(node.name)
        elif isinstance(node, Past):
            found.add(node.variable)
    return frozenset(found)


def roots(program: Program) -> Iterator[Node]:
    """Everything that a program says, from its laws to its companions."""
    for variable in program.variables.values():
        yield from (node for node in (variable.law, variable.start) if node is not None)
    yield from (net.body for net in program.nets.values())
    yield from program.energies
    if program.guide is not None:
        yield from program.guide.laws.values()
    if program.critic is not None:
        yield program.critic.value
    yield from program.noise.values()


def dependency_order(laws: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of laws so that each stands after those it reads; ties as declared."""
    ordered: list[str] = []
    pending = {name: reads(law) & laws.keys() - {name} for name, law in laws.items()}
    while pending:
        ready = next(name for name, needs in pending.items() if needs <= set(ordered))
        ordered.append(ready)
        del pending[ready]
    return tuple(ordered)

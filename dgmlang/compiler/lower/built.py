"""What is built once from a program: its layers, bijections, heads, orders and process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dgmlang.bijections.bijection import Bijection
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.lower.graph import chains, dependency_order, expressions
from dgmlang.compiler.lower.heads import BuiltHead, dense_head, masked_head
from dgmlang.compiler.lower.stages import Mapped, bijection, layer
from dgmlang.compiler.program import (
    ComputedLaw,
    EnergyLaw,
    Expr,
    Head,
    Law,
    Past,
    Program,
    ScoreLaw,
    Through,
)
from dgmlang.compiler.types.dims import numbers
from dgmlang.layers.layer import Params
from dgmlang.processes.process import AbstractProcess
from dgmlang.registry import implementation

UNNAMED = "head"
"""Where the parameters of a net's only, unnamed head stand."""

HeadKey = tuple[str, str]
"""A net's name (or "critic") and the head's."""


@dataclass(frozen=True, eq=False)
class Built:
    """The parts that evaluating a program needs; nodes are found by identity.

    Attributes:
        stages: Layers and bijections of top-level chains, by the id of their stage.
        paths: The parameter path of each of those.
        heads: The heads of nets and of the critic; without an entry a head is its body.
        orders: For each `past(x)` in a random order, position in the order → flat site.
        directed: Variables with a drawn or computed law, each after those that its law reads.
        encoded: Latents that a chain of bijections turns into a variable: latent → variable.
        process: The forward noising process of `score x at t under …`, if there is one.
    """

    program: Program
    facts: Facts
    stages: Mapping[int, Mapped | Bijection]
    paths: Mapping[int, tuple[str, ...]]
    heads: Mapping[HeadKey, BuiltHead]
    orders: Mapping[int, np.ndarray]
    directed: tuple[str, ...]
    encoded: Mapping[str, str]
    score: tuple[str, ScoreLaw] | None
    process: AbstractProcess | None

    def law(self, name: str) -> Law:
        """The law of a variable that has one."""
        law = self.program.variables[name].law
        assert law is not None
        return law


def build(program: Program, facts: Facts) -> Built:
    """Builds everything of a program that does not depend on values."""
    stages: dict[int, Mapped | Bijection] = {}
    paths: dict[int, tuple[str, ...]] = {}
    for chain in chains(program):
        for stage in chain.stages:
            make = bijection if stage.extern.kind == "bijection" else layer
            stages[id(stage)] = make(stage)
            paths[id(stage)] = (*chain.owner, stage.place)
    variables = program.having("data", "latent")
    laws = {v.name: v.law for v in variables if v.law is not None}
    directed = {n: law for n, law in laws.items() if not isinstance(law, EnergyLaw | ScoreLaw)}
    scores = [(n, law) for n, law in laws.items() if isinstance(law, ScoreLaw)]
    return Built(
        program=program,
        facts=facts,
        stages=stages,
        paths=paths,
        heads=dict(_heads(program, stages)),
        orders=dict(_orders(program)),
        directed=dependency_order(directed),
        encoded={
            law.latent: name
            for name, law in directed.items()
            if isinstance(law, ComputedLaw) and law.chain is not None and law.latent is not None
        },
        score=scores[0] if scores else None,
        process=_process(scores[0][1]) if scores else None,
    )


def at(params: Params, path: tuple[str, ...]) -> Params:
    """The branch of a parameter tree; empty where a stage has no parameters."""
    for name in path:
        params = params.get(name, {})
    return params


def _heads(
    program: Program, stages: Mapping[int, Mapped | Bijection]
) -> Iterator[tuple[HeadKey, BuiltHead]]:
    for net in program.nets.values():
        for head in net.heads:
            if not head.direct:
                yield (net.name, head.name), _head(head, net.body, stages)
    if program.critic is not None and not program.critic.head.direct:
        critic = program.critic
        yield ("critic", critic.head.name), _head(critic.head, critic.value, stages)


def _head(head: Head, body: Expr, stages: Mapping[int, Mapped | Bijection]) -> BuiltHead:
    if not head.masked:
        return dense_head(head, numbers(body.type.array_shape))
    assert isinstance(body, Through)
    causal = stages[id(body.chain.stages[-1])]
    assert isinstance(causal, Mapped)
    return masked_head(head, causal)


def _orders(program: Program) -> Iterator[tuple[int, np.ndarray]]:
    for node in expressions(program):
        if isinstance(node, Past) and node.order[0] != "raster":
            name, *settings = node.order
            size = int(np.prod(numbers(node.type.shape)))
            yield id(node), implementation("order", name)({"seed": settings[0]}, size)


def _process(law: ScoreLaw) -> AbstractProcess | None:
    if law.process is None:
        return None
    return implementation("process", law.process.extern.name)(**law.process.settings)

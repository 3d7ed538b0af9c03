"""What is built once from a program: its layers, bijections, heads, orders and process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dgmlang.bijections.bijection import Bijection
from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.lower.heads import BuiltHead, dense_head, masked_head
from dgmlang.compiler.lower.outside import OutsideNet
from dgmlang.compiler.lower.stages import Mapped, bijection, layer
from dgmlang.compiler.program import (
    Checked,
    ComputedLaw,
    EnergyLaw,
    Expr,
    Guide,
    Head,
    Law,
    Past,
    Program,
    ScoreLaw,
    Through,
)
from dgmlang.compiler.types.causality import shifted
from dgmlang.compiler.types.dependence import Component, components
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.lengths import ended, owners
from dgmlang.compiler.walk import chains, every_law, expressions, marginals
from dgmlang.layers.layer import Params
from dgmlang.processes.process import AbstractProcess
from dgmlang.registry import implementation
from dgmlang.solvers.solving import Solving

if TYPE_CHECKING:
    from dgmlang.compiler.lower.checks import Watch
    from dgmlang.compiler.lower.tilts import Tilt

UNNAMED = "head"
"""Where the parameters of a net's only, unnamed head stand."""

HeadKey = tuple[str, str]
"""A net's name (or "critic") and the head's."""


@dataclass(frozen=True, eq=False)
class Built:
    """The parts that evaluating a program needs; nodes are found by identity.

    Attributes:
        layers: The layers of top-level chains, by the id of their stage.
        bijections: The same for bijections.
        paths: The parameter path of each of those.
        heads: The heads of nets and of the critic; without an entry a head is its body.
        orders: For each `past(x)` in a random order, position in the order → flat site.
        shifted: The pasts that are read shifted by one place, by the id of their node.
        directed: Variables with a drawn or computed law, each after those that its law reads.
        parts: The same in groups: variables of loops that are drawn together stand in one.
        guide_parts: The guide's latents in such groups, in the order in which it draws them, with
            the states that it draws along with them.
        state_parts: The states that are computed together with each state.
        lengths: Of each variable of varying length the one that has the same and brings it.
        ended: Those whose law draws their end along.
        encoded: Latents that a chain of bijections turns into a variable: latent → variable.
        process: The forward noising process of `score x at t under …`, if there is one.
        checks: The program's run-time checks of kinds.
        outside: What Python passes for each `extern net`.
        precision: What layers with parameters compute in; all else is in single precision.
        watch: What notes the values that checks see, only where a failure is looked into.
        tilts: What tilts laws by the id of the law, only where statistics are summed.
        solving: How differential equations in flows are solved.
        temperature: At which draws of laws are made; 1 but where a sampler asks for another.
        marginals: The models that stand as laws without their latents, by the id of the law.
    """

    program: Program
    facts: Facts
    layers: Mapping[int, Mapped]
    bijections: Mapping[int, Bijection]
    paths: Mapping[int, tuple[str, ...]]
    heads: Mapping[HeadKey, BuiltHead]
    orders: Mapping[int, np.ndarray]
    shifted: frozenset[int]
    directed: tuple[str, ...]
    parts: tuple[Component, ...]
    guide_parts: tuple[Component, ...]
    state_parts: Mapping[str, Component]
    lengths: Mapping[str, str]
    ended: frozenset[str]
    encoded: Mapping[str, str]
    score: tuple[str, ScoreLaw] | None
    process: AbstractProcess | None
    checks: tuple[Checked, ...]
    outside: Mapping[str, OutsideNet]
    precision: str = "float32"
    watch: Watch | None = None
    tilts: Mapping[int, Tilt] = field(default_factory=dict)
    solving: Solving = field(default_factory=Solving)
    temperature: float = 1.0
    marginals: Mapping[int, Built] = field(default_factory=dict)

    @property
    def leaves(self) -> frozenset[str]:
        """Data that nothing reads, so that they integrate to one where they are missing."""
        return frozenset(r.variable for r in self.facts.removed if r.rule == "leaf")

    def law(self, name: str) -> Law:
        """The law of a variable that has one."""
        law = self.program.variables[name].law
        assert law is not None
        return law


def build(
    program: Program,
    facts: Facts,
    precision: str = "float32",
    outside: Mapping[str, OutsideNet] | None = None,
) -> Built:
    """Builds everything of a program that does not depend on values."""
    placed = {id(s): (chain, s) for chain in chains(program) for s in chain.stages}
    bijective = {i for i, (_, stage) in placed.items() if stage.extern.kind == "bijection"}
    layers = {
        i: layer(stage, precision=precision)
        for i, (_, stage) in placed.items()
        if i not in bijective
    }
    variables = program.having("data", "latent")
    laws = {v.name: v.law for v in variables if v.law is not None}
    directed = {n: law for n, law in laws.items() if not isinstance(law, EnergyLaw | ScoreLaw)}
    states = laws_of_states(program)
    scores = [(n, law) for n, law in laws.items() if isinstance(law, ScoreLaw)]
    parts = components({**directed, **states})
    models = {
        id(law): build(law.program, derive(law.program), precision, outside)
        for whole in every_law(program)
        for law in marginals(whole)
    }
    return Built(
        program=program,
        facts=facts,
        layers=layers,
        bijections={i: bijection(placed[i][1], precision=precision) for i in bijective},
        paths={i: (*chain.owner, stage.place) for i, (chain, stage) in placed.items()},
        heads=dict(_heads(program, layers, precision)),
        orders=dict(_orders(program)),
        shifted=frozenset(id(p) for v in variables for p in shifted(v, program.nets)),
        directed=tuple(n for part in parts for n in part.variables if n in directed),
        parts=parts,
        guide_parts=_drawn(program.guide, states),
        state_parts={n: part for part in components(states) for n in part.variables},
        lengths=owners(program),
        ended=ended(program),
        encoded={
            law.latent: name
            for name, law in directed.items()
            if isinstance(law, ComputedLaw) and law.chain is not None and law.latent is not None
        },
        score=scores[0] if scores else None,
        process=_process(scores[0][1]) if scores else None,
        checks=(
            *(e for e in expressions(program) if isinstance(e, Checked)),
            *(check for model in models.values() for check in model.checks),
        ),
        outside=outside or {},
        precision=precision,
        marginals=models,
    )


def laws_of_states(program: Program) -> dict[str, Law]:
    """The laws of the states of loops."""
    return {v.name: v.law for v in program.having("state") if v.law is not None}


def _drawn(guide: Guide | None, states: Mapping[str, Law]) -> tuple[Component, ...]:
    """What a guide draws, in groups; states that stand alone are computed where they are read."""
    parts = components({**guide.laws, **states}) if guide is not None else ()
    return tuple(part for part in parts if not set(part.variables) <= set(states))


def at(params: Params, path: tuple[str, ...]) -> Params:
    """The branch of a parameter tree; empty where a stage has no parameters."""
    for name in path:
        params = params.get(name, {})
    return params


def _heads(
    program: Program, layers: Mapping[int, Mapped], precision: str
) -> Iterator[tuple[HeadKey, BuiltHead]]:
    for net in program.nets.values():
        for head in net.heads:
            if not head.direct:
                yield (net.name, head.name), _head(head, net.body, layers, precision)
    if program.critic is not None and not program.critic.head.direct:
        critic = program.critic
        yield ("critic", critic.head.name), _head(critic.head, critic.value, layers, precision)


def _head(head: Head, body: Expr, layers: Mapping[int, Mapped], precision: str) -> BuiltHead:
    if not head.masked:
        return dense_head(head, numbers(body.type.array_shape), precision)
    assert isinstance(body, Through)
    return masked_head(head, layers[id(body.chain.stages[-1])])


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

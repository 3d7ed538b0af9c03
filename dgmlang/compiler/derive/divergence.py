"""Whether densities hold a divergence that random directions estimate."""

from __future__ import annotations

from dgmlang.compiler.program import Program, Stage
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import chains, stages

EXACT_UP_TO = 32
"""Entries up to which a divergence is summed exactly, unless a stage asks for directions."""


def vector_fields(program: Program) -> tuple[Stage, ...]:
    """The stages that follow a vector field."""
    every = (s for chain in chains(program) for s in stages(chain))
    return tuple(s for s in every if s.extern.has("vector_field"))


def estimated(program: Program) -> bool:
    """Whether a log density is an estimate unless it is asked for exactly."""
    return any(map(estimates, vector_fields(program)))


def estimates(stage: Stage) -> bool:
    """Whether the divergence of a stage's field is estimated."""
    entries = size(stage.source.array_shape).value or 0
    return stage.settings["probes"] is not None or entries > EXACT_UP_TO

"""Metropolis-adjusted Langevin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.adapted import AbstractAdapted
from dgmlang.samplers.adjusted import TARGET, LogDensity, State, transition


@implements("sampler", "mala")
@dataclass(frozen=True, eq=False)
class Mala(AbstractAdapted):
    """Langevin proposals, accepted or refused so that the law is left invariant.

    Chains start at noise. In `warmup` their common step is adapted to an acceptance of 0.574, then
    frozen; `steps` transitions follow. Variables that are given stay, and the others are drawn from
    their conditional law; constrained kinds move on the reals. One gradient a step. Where scales
    differ by much, `hmc` adapts to them. Reported: acceptance after the warm-up, and the step.

    Source: Roberts & Tweedie 1996; Roberts & Rosenthal 1998.
    """

    lowered: Lowered
    steps: int = 1000
    warmup: int = 500
    rate: ClassVar[float] = TARGET
    first: ClassVar[float] = 0.5

    def transition(
        self, log_density: LogDensity, key: Array, state: State, step: Array, scale: Array
    ) -> tuple[State, Array]:
        return transition(log_density, key, state, step)

"""The probability-flow ordinary differential equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.reverse import AbstractReversed, Reverse
from dgmlang.samplers.simulate import by_flow, by_steps


@implements("sampler", "ode")
@dataclass(frozen=True, eq=False)
class Ode(AbstractReversed):
    """dx/dt = f − ½ g² ∇ log p_t from noise at the last time to the first.

    Only the start is random. Steps are adapted to each draw, and a batch runs as long as its
    slowest; with `steps` there are so many, where Karras et al. place them: `ode(solver = Heun,
    steps = 18)` is their sampler.

    Source: Song et al. 2021, eq. 13, arXiv 2011.13456; Karras et al. 2022, arXiv 2206.00364.
    """

    denoises: ClassVar[bool] = False

    lowered: Lowered
    solver: str = "Tsit5"
    rtol: float = 1e-5
    atol: float = 1e-5
    steps: int = 0
    guidance: float = 0.0
    filling: str = "guided"

    @property
    def note(self) -> str:
        how = f"in {self.steps} steps" if self.steps else f"at rtol {self.rtol:g}"
        return f"probability-flow ODE, {self.solver} {how}: biased by the score"

    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        if self.steps:
            return by_steps(reverse, reverse.start(key), self.solver, self.steps)
        return by_flow(reverse, reverse.start(key), self.solver, (self.rtol, self.atol))

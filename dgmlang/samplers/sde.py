"""The reverse-time stochastic differential equation."""

from __future__ import annotations

from dataclasses import dataclass

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.reverse import AbstractReversed, Reverse
from dgmlang.samplers.simulate import by_stochastic, euler_maruyama

PLAIN = "Euler"


@implements("sampler", "sde")
@dataclass(frozen=True, eq=False)
class Sde(AbstractReversed):
    """dx = [f − g² ∇ log p_t] dt + g dw̄ to the first time, then a noiseless denoising.

    One evaluation of the score a step (`Euler`). Other solvers of Diffrax may take more: `ShARK`,
    `SRA1` and `SEA` are of higher order for noise like this one, which is the same for all x. With
    `rtol` steps adapt, on a virtual Brownian tree; a batch runs as long as its slowest draw.

    Source: Anderson 1982; Song et al. 2021, eq. 6, arXiv 2011.13456.
    """

    lowered: Lowered
    solver: str = PLAIN
    steps: int = 500
    rtol: float = 0.0
    guidance: float = 0.0
    filling: str = "guided"

    @property
    def note(self) -> str:
        how = f"rtol {self.rtol:g}" if self.rtol else f"{self.steps} steps"
        return f"reverse SDE, {how} of {self.solver}: biased by score and step"

    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        if self.solver == PLAIN and not self.rtol:
            return euler_maruyama(reverse, key, self.steps)
        return by_stochastic(reverse, key, self.solver, self.steps, self.rtol)

"""Unadjusted Langevin dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import AbstractSwept
from dgmlang.samplers.sweeps import Move, langevin_step, together
from dgmlang.samplers.target import holding, moved


@implements("sampler", "langevin")
@dataclass(frozen=True, eq=False)
class Langevin(AbstractSwept):
    """x + ε/2 ∇ log p(x) + √ε z, from noise; needs the score alone.

    Biased by its step: on N(0, 1) its draws have variance 1/(1 − ε/4). Use `mala` where a density
    is known. Separate modes keep the weights that the start gave them.

    Source: Roberts & Tweedie 1996.
    """

    lowered: Lowered
    steps: int = 1000
    step: float = 0.01

    @property
    def note(self) -> str:
        return f"unadjusted Langevin, biased by its step {self.step:g}"

    @property
    def total(self) -> int:
        return self.steps

    def variables(self) -> dict[str, Variable]:
        return {v.name: v for v in moved(self.lowered)}

    def moves(self, given: Values) -> Move:
        names = tuple(name for name in self.variables() if name not in given)
        return together(langevin_step(holding(self.lowered.chained, given), names, self.step))

"""Unadjusted Langevin dynamics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import advance, begin, last_keys, record, thirds
from dgmlang.samplers.sampler import AbstractChain, Info, Statistic
from dgmlang.samplers.sweeps import Move, langevin_step
from dgmlang.samplers.target import completed, holding, moved


@implements("sampler", "langevin")
@dataclass(frozen=True, eq=False)
class Langevin(AbstractChain):
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

    def variables(self) -> dict[str, Variable]:
        """What the chain moves: the data."""
        return {v.name: v for v in moved(self.lowered)}

    def move(self, given: Values) -> Move:
        """One step of the variables that are not given."""
        names = tuple(name for name in self.variables() if name not in given)
        return langevin_step(holding(self.lowered, given), names, self.step)

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        start, burn, _ = thirds(keys)
        states = begin(self.variables(), start, given)
        ends = advance(self.move(given), params, burn, states, self.steps)
        return completed(self.lowered, params, last_keys(keys), ends, given), {}

    def trace(
        self, params: Params, keys: Array, sweeps: int, given: Values, statistic: Statistic
    ) -> Any:
        states, _ = self.batch(params, keys, given)
        return record(self.move(given), params, thirds(keys)[2], states, sweeps, statistic)

"""Block Gibbs sampling over the derived blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax import Array

from dgmlang.compiler.lower.by_class import whole
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import AbstractSwept
from dgmlang.samplers.sampler import Statistic
from dgmlang.samplers.sweeps import Move, energy_variables, gibbs_sweep


@implements("sampler", "gibbs")
@dataclass(frozen=True, eq=False)
class Gibbs(AbstractSwept):
    """Draws each block given all others, block after block.

    Exact as `sweeps` grows. Strongly coupled sites hardly move, which the draws' `diagnostics` say.
    A variable that is given is held fixed, with all of the blocks that it is in.

    Source: Geman & Geman 1984.
    """

    lowered: Lowered
    sweeps: int = 1000

    @property
    def note(self) -> str:
        return "Markov chain, exact as the number of sweeps grows"

    @property
    def total(self) -> int:
        return self.sweeps

    @property
    def lengthened_by(self) -> str:
        return "sweeps"

    def variables(self) -> dict[str, Variable]:
        return energy_variables(self.lowered)

    def start(self, params: Params, key: Array, n: int, given: Values) -> Values:
        return self.lowered.packed(super().start(params, key, n, given))

    def values(self, state: Values, given: Values) -> Values:
        return super().values(whole(state), given)

    def recorded(self, statistic: Statistic, state: Values, given: Values) -> Any:
        return super().recorded(statistic, whole(state), given)

    def moves(self, given: Values) -> Move:
        return gibbs_sweep(self.lowered, frozenset(given), chains=True)

"""Block Gibbs sampling over the derived blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import advance, begin, record, thirds
from dgmlang.samplers.sampler import AbstractChain, Info, Statistic
from dgmlang.samplers.sweeps import energy_variables, gibbs_sweep


@implements("sampler", "gibbs")
@dataclass(frozen=True, eq=False)
class Gibbs(AbstractChain):
    """Draws each block given all others, block after block.

    Exact as `sweeps` grows. Strongly coupled sites hardly move: look at the effective sample size
    of `run`. A variable that is given is held fixed, with all of the blocks that it is in.

    Source: Geman & Geman 1984.
    """

    lowered: Lowered
    sweeps: int = 1000

    @property
    def note(self) -> str:
        return "Markov chain, exact as the number of sweeps grows"

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        start, burn, _ = thirds(keys)
        states = begin(energy_variables(self.lowered), start, given)
        sweep = gibbs_sweep(self.lowered, frozenset(given))
        return advance(sweep, params, burn, states, self.sweeps), {}

    def trace(
        self, params: Params, keys: Array, sweeps: int, given: Values, statistic: Statistic
    ) -> Any:
        states, _ = self.batch(params, keys, given)
        sweep = gibbs_sweep(self.lowered, frozenset(given))
        return record(sweep, params, thirds(keys)[2], states, sweeps, statistic)

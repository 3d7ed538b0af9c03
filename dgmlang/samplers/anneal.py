"""Simulated annealing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.gibbs import Tempered as Law
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import begin
from dgmlang.samplers.sampler import AbstractChain, Info
from dgmlang.samplers.tempered import Standing, adapted, tempered

COLDEST = 0.05
"""The last temperature, in units of the energy."""


class Cooling(NamedTuple):
    """All chains, log steps of continuous variables, and the best state that each chain saw."""

    chains: Standing
    log_steps: Values
    best: Standing
    log_density: Array


@implements("sampler", "anneal")
@dataclass(frozen=True, eq=False)
class Anneal(AbstractChain):
    """Transitions at temperatures that fall geometrically from `hottest` to 0.05.

    Gibbs sweeps or, where some site has no block, Metropolis sweeps whose steps adapt all the way.
    What comes out is, for each chain, the most likely state that it saw: a mode or near one, not a
    draw. Slower cooling, more `steps`, finds higher ones. Reported: the best log density, up to the
    normaliser.

    Source: Kirkpatrick et al. 1983; Geman & Geman 1984.
    """

    lowered: Lowered
    steps: int = 1000
    hottest: float = 10.0

    @property
    def note(self) -> str:
        return "simulated annealing: states of high density, not draws of the law"

    @property
    def total(self) -> int:
        return self.steps

    @property
    def kept(self) -> int:
        return 0  # a search has no law to mix to

    def start(self, params: Params, key: Array, n: int, given: Values) -> Cooling:
        moves = tempered(self.lowered, given)
        chains = moves.standing(begin(moves.variables, key, n, given))
        log_steps = {name: jnp.zeros((), jnp.result_type(float)) for name in moves.continuous}
        return Cooling(chains, log_steps, chains, moves.log_densities(params, chains))

    def move(self, params: Params, key: Array, i: Array, state: Cooling, given: Values) -> Cooling:
        moves = tempered(self.lowered, given)
        done = jnp.minimum(i / max(self.steps - 1, 1), 1.0)
        beta = jnp.exp(-((1.0 - done) * jnp.log(self.hottest) + done * jnp.log(COLDEST)))
        chains, rates = moves.move(params, key, state.chains, Law(beta), state.log_steps)
        means = {name: jnp.mean(rate) for name, rate in rates.items()}
        log_steps = adapted(moves, state.log_steps, means, jnp.asarray(0.1))
        logs = moves.log_densities(params, chains)
        best = moves.where(logs > state.log_density, chains, state.best)
        return Cooling(chains, log_steps, best, jnp.maximum(logs, state.log_density))

    def values(self, state: Cooling, given: Values) -> Values:
        return tempered(self.lowered, given).values(state.best)

    def facts(self, state: Cooling) -> Info:
        return {"log_density": jnp.max(state.log_density)}

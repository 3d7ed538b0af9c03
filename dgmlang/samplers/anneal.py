"""Simulated annealing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import begin
from dgmlang.samplers.sampler import AbstractChain, Info
from dgmlang.samplers.tempered import adapted, tempered

COLDEST = 0.05
"""The last temperature, in units of the energy."""


class Cooling(NamedTuple):
    """All chains [n, …], log steps of continuous variables, and the best that each chain saw."""

    values: Values
    log_steps: Values
    best: Values
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
        values = begin(moves.variables, key, n, given)
        log_steps = {name: jnp.zeros((), jnp.result_type(float)) for name in moves.continuous}
        return Cooling(values, log_steps, values, jax.vmap(moves.log_density(params))(values))

    def move(self, params: Params, key: Array, i: Array, state: Cooling, given: Values) -> Cooling:
        moves = tempered(self.lowered, given)
        log_density = moves.log_density(params)
        done = jnp.minimum(i / max(self.steps - 1, 1), 1.0)
        beta = jnp.exp(-((1.0 - done) * jnp.log(self.hottest) + done * jnp.log(COLDEST)))

        def one(key: Array, values: Values) -> tuple[Values, Values]:
            def density(values: Values) -> Array:
                return beta * log_density(values)

            return moves.move(density, params, key, values, state.log_steps)

        keys = jax.random.split(key, state.log_density.shape[0])
        values, rates = jax.vmap(one)(keys, state.values)
        means = {name: jnp.mean(rate) for name, rate in rates.items()}
        log_steps = adapted(moves, state.log_steps, means, jnp.asarray(0.1))
        logs = jax.vmap(log_density)(values)
        better = logs > state.log_density
        best = jax.tree.map(
            lambda new, old: jnp.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old),
            values,
            state.best,
        )
        return Cooling(values, log_steps, best, jnp.maximum(logs, state.log_density))

    def values(self, state: Cooling, given: Values) -> Values:
        return state.best

    def facts(self, state: Cooling) -> Info:
        return {"log_density": jnp.max(state.log_density)}

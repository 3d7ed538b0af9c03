"""Metropolis–Hastings with symmetric proposals, for any space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import begin
from dgmlang.samplers.metropolis import At, aim, sweep
from dgmlang.samplers.sampler import AbstractWarmed, Info
from dgmlang.samplers.target import holding


class Walkers(NamedTuple):
    """All chains [n, …], the log step of each continuous variable, and what was accepted.

    `accepted` is Σ of mean acceptances after the warm-up, `counted` the number of those.
    """

    at: At
    log_steps: Values
    accepted: Array
    counted: Array


@implements("sampler", "mh")
@dataclass(frozen=True, eq=False)
class MetropolisHastings(AbstractWarmed):
    """Random changes, accepted with probability min(1, p(new) / p(old)).

    A step proposes, variable by variable: another level at a random site, as often as there are
    sites; one up or down for counts; a Gaussian step of all entries of a continuous variable at
    once, on the reals. It costs as many densities. Needs no gradient, and mixes slowly in many
    dimensions: prefer `gibbs`, or `hmc`, where they are legal. `step = 0` adapts the Gaussian
    steps, each to an acceptance of 0.234 (0.44 for one real), in `warmup`. Reported: acceptance
    after the warm-up.

    Source: Metropolis et al. 1953; Roberts & Rosenthal 2001.
    """

    lowered: Lowered
    steps: int = 1000
    warmup: int = 500
    step: float = 0.0

    def start(self, params: Params, key: Array, n: int, given: Values) -> Walkers:
        data = {v.name: v for v in self.lowered.program.having("data")}
        values = begin(data, key, n, given)
        model = holding(self.lowered, given)
        at = At(values, jax.vmap(partial(model.log_prob, params))(values))
        reals = (n for n, v in self._free(given).items() if v.type.kind.space == "continuous")
        zero = jnp.zeros((), at.log_density.dtype)
        first = jnp.log(jnp.asarray(self.step or 1.0, zero.dtype))
        return Walkers(at, dict.fromkeys(reals, first), zero, zero)

    def move(self, params: Params, key: Array, i: Array, state: Walkers, given: Values) -> Walkers:
        density = partial(holding(self.lowered, given).log_prob, params)
        free = self._free(given)

        def one(key: Array, at: At) -> tuple[At, dict[str, Array]]:
            return sweep(density, free, key, at, state.log_steps)

        keys = jax.random.split(key, state.at.log_density.shape[0])
        at, each = jax.vmap(one)(keys, state.at)
        rates = {name: jnp.mean(rate) for name, rate in each.items()}
        warm = (i < self.warmup) & (self.step == 0)
        gain = jnp.where(warm, (i + 1.0) ** -0.6, 0.0)
        log_steps = {
            name: old + gain * (rates[name] - aim(free[name]))
            for name, old in state.log_steps.items()
        }
        after = (i >= self.warmup).astype(state.accepted.dtype)
        accepted = state.accepted + after * sum(rates.values()) / len(rates)
        return Walkers(at, log_steps, accepted, state.counted + after)

    def values(self, state: Walkers, given: Values) -> Values:
        return state.at.values

    def facts(self, state: Walkers) -> Info:
        return {"acceptance": state.accepted / jnp.maximum(state.counted, 1.0)}

    def _free(self, given: Values) -> dict[str, Variable]:
        return {v.name: v for v in self.lowered.program.having("data") if v.name not in given}

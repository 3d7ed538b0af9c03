"""Parallel tempering."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.gibbs import Tempered as Law
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.chains import begin
from dgmlang.samplers.sampler import AbstractWarmed, Info
from dgmlang.samplers.tempered import Standing, adapted, ladder, tempered


class Ladders(NamedTuple):
    """All ladders of chains.

    Attributes:
        chains: The rungs of each ladder in a row; rung 0 has the model's own law.
        log_steps: Of the continuous variables, [levels].
        swapped: Σ of mean acceptances of swaps after the warm-up.
        counted: The number of those.
    """

    chains: Standing
    log_steps: Values
    swapped: Array
    counted: Array


@implements("sampler", "temper")
@dataclass(frozen=True, eq=False)
class Temper(AbstractWarmed):
    """Chains at inverse temperatures 1 = β₀ > … > 1/hottest, whose states are swapped.

    Every step moves each chain once at its temperature, by Gibbs sweeps or, where some site has no
    block, by Metropolis sweeps whose steps adapt in `warmup`; then neighbours, even pairs and odd
    pairs in turn, swap with probability min(1, exp((βᵢ − βⱼ)(log p(xⱼ) − log p(xᵢ)))). Hot chains
    cross between modes, which then reach the cold one. A step costs `levels` transitions. Raise
    `levels` where swaps are rare (below about 0.2), `hottest` where modes stay apart. Reported:
    the acceptance of swaps.

    Source: Geyer 1991; Earl & Deem 2005, eq. 6.
    """

    lowered: Lowered
    steps: int = 1000
    levels: int = 8
    hottest: float = 10.0
    warmup: int = 500

    def start(self, params: Params, key: Array, n: int, given: Values) -> Ladders:
        moves = tempered(self.lowered, given)
        repeated = {k: jnp.repeat(v, self.levels, axis=0) for k, v in given.items()}
        chains = moves.standing(begin(moves.variables, key, n * self.levels, repeated))
        kind = jnp.result_type(float)
        log_steps = {name: jnp.zeros(self.levels, kind) for name in moves.continuous}
        return Ladders(chains, log_steps, jnp.zeros((), kind), jnp.zeros((), kind))

    def move(self, params: Params, key: Array, i: Array, state: Ladders, given: Values) -> Ladders:
        first, second = jax.random.split(key)
        moves, betas = tempered(self.lowered, given), ladder(self.levels, self.hottest)
        n = moves.count(state.chains) // self.levels
        law = Law(jnp.tile(betas, n))
        steps = {name: jnp.tile(s, n) for name, s in state.log_steps.items()}
        chains, rates = moves.move(params, first, state.chains, law, steps)
        gain = jnp.where(i < self.warmup, (i + 1.0) ** -0.6, 0.0)
        means = {k: jnp.mean(r.reshape(n, self.levels), axis=0) for k, r in rates.items()}
        log_steps = adapted(moves, state.log_steps, means, gain)
        logs = moves.log_densities(params, chains).reshape(n, self.levels)
        swap = jax.vmap(partial(swapped, betas, i % 2))
        order, rate = swap(jax.random.split(second, n), logs)
        rows = order + self.levels * jnp.arange(n)[:, None]
        after = (i >= self.warmup).astype(state.swapped.dtype)
        total = state.swapped + after * jnp.mean(rate)
        return Ladders(moves.chosen(chains, rows.ravel()), log_steps, total, state.counted + after)

    def values(self, state: Ladders, given: Values) -> Values:
        every = tempered(self.lowered, given).values(state.chains)
        return {name: v[:: self.levels] for name, v in every.items()}

    def facts(self, state: Ladders) -> Info:
        return {"swaps": state.swapped / jnp.maximum(state.counted, 1.0)}


def swapped(betas: Array, odd: Array, key: Array, logs: Array) -> tuple[Array, Array]:
    """Which rung each rung takes its state from [levels], and the mean acceptance of the pairs.

    Pairs are (0, 1), (2, 3), … or, where `odd`, (1, 2), (3, 4), ….
    """
    levels = betas.size
    rung = jnp.arange(levels)
    lower = (rung - odd) % 2 == 0
    partner = jnp.where(lower, rung + 1, rung - 1)
    paired = (partner >= 0) & (partner < levels)
    partner = jnp.clip(partner, 0, levels - 1)
    log_ratio = (betas - betas[partner]) * (logs[partner] - logs)
    # Both of a pair look at the number of its lower rung.
    drawn = jnp.log(jax.random.uniform(key, (levels,), logs.dtype))
    accepted = paired & (drawn[jnp.minimum(rung, partner)] < log_ratio)
    rates = jnp.where(paired, jnp.exp(jnp.minimum(log_ratio, 0.0)), 0.0)
    rate = jnp.sum(rates) / jnp.maximum(jnp.sum(paired), 1)
    return jnp.where(accepted, partner, rung), rate

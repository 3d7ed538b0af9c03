"""Chains that live as long as the training of a continuous energy.

Each chain takes Metropolis-adjusted Langevin transitions, and once a step a jump to fresh noise is
proposed to it and accepted by Metropolis too. Both leave the model's law invariant, so chains
neither heat up by the size of their step nor forget which modes are heavy, as chains that are
restarted at noise and moved by unadjusted Langevin do.

Carried state: `chains`, their values; `loc` and `scale`, the moments of the noise that they jump
to; `log_step`, the log of ε, which follows an acceptance of 0.574.

Source: independence proposals: Tierney 1994; replay buffer: Du & Mordatch 2019, arXiv 1903.08689.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.objectives.batch import along, size
from dgmlang.objectives.contrast import Chains
from dgmlang.objectives.objective import Metrics, Params, State, Values
from dgmlang.objectives.variables import only
from dgmlang.samplers.adjusted import TARGET, evaluated, transition

PACE = 0.02
"""How far log ε moves for an acceptance that is off by one."""


def begin(
    key: Array, moves: Chains, data: Values, examples: Values, step: float, count: int
) -> State:
    """Chains at noise with the data's moments, each with the givens of one of the examples."""
    loc, scale = _over(jnp.mean, moves, data), _over(jnp.std, moves, data)
    chains = {**moves.without_summed(examples), **_fresh(key, loc, scale, count)}
    log_step = jnp.log(jnp.asarray(step, jnp.result_type(float)))
    return {"chains": chains, "loc": loc, "scale": scale, "log_step": log_step}


def advance(
    key: Array, params: Params, moves: Chains, state: State, k: int
) -> tuple[State, Metrics]:
    """One proposed jump and k transitions of every chain; what they did."""
    first, second = jax.random.split(key)
    jumped = _jump(first, params, moves, state)
    chains, rate = _walk(second, params, moves, jumped, jnp.exp(state["log_step"]), k)
    log_step = state["log_step"] + PACE * (rate - TARGET)
    return {**state, "chains": chains, "log_step": log_step}, {"acceptance": rate}


def _over(statistic: Callable[..., Array], moves: Chains, data: Values) -> Values:
    """A statistic over the examples, by data variable."""
    return {name: statistic(array, axis=0) for name, array in only(data, moves.data).items()}


def _fresh(key: Array, loc: Values, scale: Values, n: int) -> Values:
    """Gaussian states with the data's mean and standard deviation, entry by entry."""
    states: Values = {}
    for place, (name, centre) in enumerate(loc.items()):
        own = jax.random.fold_in(key, place)
        noise = jax.random.normal(own, (n, *centre.shape), centre.dtype)
        states[name] = centre[None] + scale[name][None] * noise
    return states


def _log_noise(state: State, values: Values) -> Array:
    """The log density [n] of fresh states, up to a constant."""
    total = jnp.zeros(size(values))
    for name, centre in state["loc"].items():
        # Entries that never vary jump nowhere and weigh nothing.
        scale = jnp.where(state["scale"][name] > 0, state["scale"][name], 1.0)
        z = (values[name] - centre[None]) / scale[None]
        total += -0.5 * jnp.sum(z.reshape(z.shape[0], -1) ** 2, axis=1)
    return total


def _jump(key: Array, params: Params, moves: Chains, state: State) -> Values:
    """The chains, each at a fresh state where that was accepted."""
    first, second = jax.random.split(key)
    old = state["chains"]
    n = size(old)
    new = {**old, **_fresh(first, state["loc"], state["scale"], n)}

    def log_weight(values: Values) -> Array:
        return -moves.energy(params, values) - _log_noise(state, values)

    accepted = jnp.log(jax.random.uniform(second, (n,))) < log_weight(new) - log_weight(old)
    return {name: jnp.where(along(accepted, x), x, old[name]) for name, x in new.items()}


def _walk(
    key: Array, params: Params, moves: Chains, values: Values, step: Array, k: int
) -> tuple[Values, Array]:
    """K transitions of every chain, and their mean acceptance."""

    def one(key: Array, values: Values) -> tuple[Values, Array]:
        flat, unravel = ravel_pytree(only(values, moves.data))

        def log_density(x: Array) -> Array:
            return -moves.lowered.chained.free_energy(params, {**values, **unravel(x)})

        last, rates = jax.lax.scan(
            lambda at, i: transition(log_density, jax.random.fold_in(key, i), at, step),
            evaluated(log_density, flat),
            jnp.arange(k),
        )
        return {**values, **unravel(last.x)}, jnp.mean(rates)

    moved, rates = jax.vmap(one)(jax.random.split(key, size(values)), values)
    return moved, jnp.mean(rates)

"""log Z of an energy by bridge sampling through a ladder of laws.

Chains start at exact draws of a base and rest at each β of a ladder from 0 to 1. Between neighbours
a and b, whose densities differ by Δ(x) = (β_b − β_a)(log p̃ − log q), the log ratio c of their
normalisers solves

    Σ_{x ~ a} σ(Δ(x) − c) = Σ_{x ~ b} σ(c − Δ(x)),

the optimal bridge for equally many draws. log Z is the sum of all c.

Source: Bennett 1976; Meng & Wong 1996, eq. 4.1.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.ais import path_of
from dgmlang.evaluate.base import checked
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params
from dgmlang.samplers.tempered import Standing

HALVINGS = 60
"""Of the interval that c lies in: more than the bits of a number."""


def bridge(
    lowered: Lowered,
    params: Params,
    key: Array,
    levels: int = 30,
    sweeps: int = 20,
    chains: int = 100,
) -> Result:
    """The sum of all log ratios, and its standard error over the chains.

    An estimate, consistent as chains and `sweeps` grow: after few sweeps a chain still remembers
    the level below. Draws of one chain at several levels depend on each other, those of different
    chains do not, so the error is the jackknife's over whole chains. Costs levels · sweeps
    transitions a chain; both neighbours of a gap count, where AIS uses the lower one alone.

    Args:
        lowered: The model, an energy.
        params: Its parameters.
        key: The source of all randomness.
        levels: Steps of the ladder.
        sweeps: Transitions at each level.
        chains: Chains, and draws at a level.

    Raises:
        DgmError: DGM0824 where a variable is neither finite nor real, or has no chain.
    """
    checked(lowered, {})
    gaps = _gaps(lowered, levels, sweeps, chains, params, key)
    whole = float(log_ratio(gaps, jnp.ones(chains)))
    without = np.asarray(jax.lax.map(partial(log_ratio, gaps), 1.0 - jnp.eye(chains)))
    error = np.sqrt((chains - 1) / chains * np.sum((without - without.mean()) ** 2))
    told = f"bridge over {levels} levels, {sweeps} sweeps at each, {chains} chains"
    return Result(whole, "estimate", error, told)


@jax.jit
def log_ratio(gaps: Array, weights: Array) -> Array:
    """Σ of the log ratios of neighbours, from log p̃ − log q of draws at each level.

    Args:
        gaps: [levels + 1, chains].
        weights: How much each chain counts, [chains].
    """
    delta = 1.0 / (gaps.shape[0] - 1)

    def between(lower: Array, upper: Array) -> Array:
        def halved(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            c = 0.5 * (low + high)
            up = jnp.sum(weights * jax.nn.sigmoid(lower - c))
            down = jnp.sum(weights * jax.nn.sigmoid(c - upper))
            return jnp.where(up > down, c, low), jnp.where(up > down, high, c)

        every = jnp.concatenate([lower, upper])
        low, high = jax.lax.fori_loop(0, HALVINGS, halved, (jnp.min(every), jnp.max(every)))
        return 0.5 * (low + high)

    return jnp.sum(jax.vmap(between)(delta * gaps[:-1], delta * gaps[1:]))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _gaps(
    lowered: Lowered, levels: int, sweeps: int, chains: int, params: Params, key: Array
) -> Array:
    """Log p̃ − log q of the draws at each level, [levels + 1, chains]."""
    first, second, third, fourth = jax.random.split(key, 4)
    path = path_of(lowered, params, first, chains, {})
    betas = jnp.linspace(0.0, 1.0, levels + 1)
    # Every β stands as often as there are sweeps, so that a step is learned for each transition.
    along = jnp.concatenate([betas[:1], jnp.repeat(betas[1:], sweeps)])
    steps = path.learned_steps(second, path.start(second, chains, {}), along)

    def sweep(state: Standing, t: Array) -> tuple[Standing, None]:
        own = {name: s[t] for name, s in steps.items()}
        return path.move(jax.random.fold_in(fourth, t), state, along[t + 1], own)[0], None

    def level(state: Standing, k: Array) -> tuple[Standing, Array]:
        state, _ = jax.lax.scan(sweep, state, k * sweeps + jnp.arange(sweeps))
        return state, path.gaps(state)

    start = path.start(third, chains, {})
    _, gaps = jax.lax.scan(level, start, jnp.arange(levels))
    return jnp.concatenate([path.gaps(start)[None], gaps])

"""Chains side by side: the loops that Markov-chain samplers run."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.initial import chain_variables
from dgmlang.samplers.sampler import Statistic
from dgmlang.samplers.sweeps import Move

LAST = 2**31 - 1
"""What no other stream of a chain's key folds in."""


def begin(variables: dict[str, Variable], keys: Array, given: Values) -> Values:
    """Noise for each variable that is not given, and the givens; one state a key."""
    free = {name: variable for name, variable in variables.items() if name not in given}
    noise = jax.vmap(lambda key: chain_variables(free, key))(keys)
    return {**noise, **given}


def advance(move: Move, params: Params, keys: Array, states: Values, times: int) -> Values:
    """`times` transitions of every chain."""
    return _loop(move, params, keys, states, times, None)[0]


def record(
    move: Move, params: Params, keys: Array, states: Values, times: int, statistic: Statistic
) -> Any:
    """A statistic after each of `times` transitions, [chains, times, …]."""
    return _loop(move, params, keys, states, times, statistic)[1]


def _loop(
    move: Move,
    params: Params,
    keys: Array,
    states: Values,
    times: int,
    statistic: Statistic | None,
) -> tuple[Values, Any]:
    """The states after `times` transitions and what was recorded.

    The chains stand on the last axis: for lattices and small blocks neighbouring memory is then
    that of neighbouring chains, which is nearly twice as fast.
    """
    moves = jax.vmap(move, in_axes=(None, 0, -1), out_axes=-1)
    statistics = jax.vmap(statistic, in_axes=-1) if statistic else None

    def one(states: Values, i: Array) -> tuple[Values, Any]:
        step_keys = jax.vmap(lambda key: jax.random.fold_in(key, i))(keys)
        states = moves(params, step_keys, states)
        return states, statistics(states) if statistics else None

    last = jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), states)
    last, recorded = jax.lax.scan(one, last, jnp.arange(times))
    ended = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), last)
    return ended, jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), recorded)


def last_keys(keys: Array) -> Array:
    """A key for each key, apart from its `thirds`: for what is drawn when the chain has ended."""
    return jax.vmap(lambda key: jax.random.fold_in(key, LAST))(keys)


def thirds(keys: Array) -> tuple[Array, Array, Array]:
    """Three keys for each key: to start, to burn in, to go on."""
    split = jax.vmap(lambda key: jax.random.split(key, 3))(keys)
    return split[:, 0], split[:, 1], split[:, 2]

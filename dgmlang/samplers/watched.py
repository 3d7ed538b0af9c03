"""A run of chains that is watched on the way: what it records, and how far it is.

The transitions are those of `draw`, key by key, cut into parts that a host loop dispatches, so that
a person sees progress and the second half leaves a trace of a few numbers a chain.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.runtime.progress import Progress
from dgmlang.samplers.sampler import AbstractChain, AbstractSampler
from dgmlang.samplers.sweeps import energy_variables
from dgmlang.samplers.target import holding

RECORDS = 100
"""How often the numbers of all chains are looked at."""

LOG_DENSITY = "log density"


class Watched(NamedTuple):
    """Draws, scalars about the run, and the trace [chains, records] of each number."""

    values: Values
    facts: dict[str, Array]
    traces: dict[str, np.ndarray]


def watched(
    sampler: AbstractSampler,
    params: Params,
    key: Array,
    n: int,
    given: Values,
    progress: Progress,
) -> Watched:
    """What `draw` yields, with the traces of chains; none of samplers that are no chains."""
    if not isinstance(sampler, AbstractChain):
        values, facts = sampler.draw(params, key, n, given)
        return Watched(values, facts, {})
    first, second, _ = jax.random.split(key, 3)
    state = _start(sampler, n, params, first, given)
    kept = min(sampler.kept, sampler.total)
    marks = [round(i * kept / RECORDS) for i in range(RECORDS + 1)]
    ends = sorted({sampler.total - kept + mark for mark in marks} | {sampler.total})
    progress.start(0, sampler.total)
    done, seen = 0, list[dict[str, np.ndarray]]()
    try:
        for end in ends:
            state = _advance(sampler, params, second, state, given, done, end)
            done = end
            if end > sampler.total - kept:
                numbers = _numbers(sampler, params, state, given)
                seen.append({name: np.asarray(each) for name, each in numbers.items()})
            progress.show(done, {})
    finally:
        progress.stop()
    last = jax.random.fold_in(key, sampler.total)
    names = seen[0] if seen else ()
    traces = {name: np.stack([each[name] for each in seen], axis=1) for name in names}
    values, facts = _end(sampler, params, last, state, given)
    return Watched(values, facts, traces)


@partial(jax.jit, static_argnums=(0, 1))
def _start(chain: AbstractChain, n: int, params: Params, key: Array, given: Values) -> Any:
    return chain.start(params, key, n, given)


@partial(jax.jit, static_argnums=0)
def _advance(
    chain: AbstractChain, params: Params, key: Array, state: Any, given: Values, first: int,
    last: int,
) -> Any:  # fmt: skip
    """The transitions from number `first` up to `last`."""

    def one(i: Array, state: Any) -> Any:
        return chain.move(params, jax.random.fold_in(key, i), i, state, given)

    return jax.lax.fori_loop(first, last, one, state)


@partial(jax.jit, static_argnums=0)
def _end(
    chain: AbstractChain, params: Params, key: Array, state: Any, given: Values
) -> tuple[Values, dict[str, Array]]:
    return chain.completed(params, key, state, given), chain.facts(state)


@partial(jax.jit, static_argnums=0)
def _numbers(chain: AbstractChain, params: Params, state: Any, given: Values) -> dict[str, Array]:
    """Of each chain [n]: the log density up to a constant, and the mean of each free variable."""
    values = chain.values(state, given)
    found = {
        f"mean of {name}": jnp.mean(array.reshape(array.shape[0], -1).astype(float), axis=1)
        for name, array in values.items()
        if name not in given
    }
    lowered = chain.lowered
    if lowered.facts.flags["energy"]:
        found[LOG_DENSITY] = jax.vmap(partial(_log_density, lowered, params, given))(values)
    return found


def _log_density(lowered: Lowered, params: Params, given: Values, values: Values) -> Array:
    """Of a state: the joint one where it holds all variables, else with those it lacks removed."""
    if energy_variables(lowered).keys() <= values.keys():
        return -lowered.energy(params, values)
    return holding(lowered.chained, given).log_prob(params, values)

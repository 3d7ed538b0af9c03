"""Exact, independent draws of an energy whose states can all be weighed."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import CHUNK, log_marginal
from dgmlang.evaluate.states import numbered, outside, whole
from dgmlang.objectives.objective import Params, Values


def exact_draws(lowered: Lowered, params: Params, key: Array, n: int) -> Values:
    """N draws of the energy's variables: a state outside of one block, then the block given it.

    Raises:
        DgmError: DGM0841 where the normaliser is no sum over states within the budget.
    """
    found = lowered.facts.summation
    if found is None or found.rule != "states":
        raise DgmError(queries.no_exact_draws(lowered.program.name))
    return _drawn(lowered, n, params, key)


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(lowered: Lowered, n: int, params: Params, key: Array) -> Values:
    found = lowered.facts.summation
    assert found is not None
    removed = None if found.removed is None else lowered.blocks[found.removed]
    sites = tuple(whole(v) for v in energy_variables(lowered.program))
    if removed is not None:
        sites = tuple(outside(s, removed) for s in sites)

    def log_weight(number: Array) -> Array:
        return log_marginal(lowered, params, numbered(sites, number), removed)

    numbers = jnp.arange(found.entries)
    log_weights = jax.lax.map(log_weight, numbers, batch_size=min(found.entries, CHUNK))
    first, second = jax.random.split(key)
    chosen = jax.random.categorical(first, log_weights, shape=(n,))

    def one(key: Array, number: Array) -> Values:
        values = numbered(sites, number)
        return values if removed is None else lowered.update(params, key, values, removed)

    return jax.vmap(one)(jax.random.split(second, n), chosen)

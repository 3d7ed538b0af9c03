"""What tells how an energy's training goes, where its loss does not: on data held out.

- `valid.free_energy_gap`: the mean free energy of data held out less that of training data. It
  grows from 0 as the model learns the training data by heart.
- `valid.reconstruction`: how far data lie from themselves after one sweep, the latents drawn given
  the data, then the data given these; a mean over entries. Low also where the chain does not mix.
- `valid.log_p`: the mean log p of data held out where log Z is a small sum; else
  `valid.log_p_by_ais`, an estimate that errs upwards in the mean; or, where latents are left to a
  bound, that by a mean field with the same log Z, `valid.log_p_bound` and `…_bound_by_ais`.

Source: Hinton 2010, "A practical guide to training restricted Boltzmann machines", sections 5, 6.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import without_mean_field
from dgmlang.objectives.batch import keyed, size
from dgmlang.objectives.contrast import Chains
from dgmlang.objectives.factorised import factorised
from dgmlang.objectives.objective import Metrics, Params, Values, Watch
from dgmlang.samplers.sweeps import gibbs_sweep

TEMPERATURES, CHAINS = 200, 50
"""Of annealed importance sampling at each look."""

SUMMED = 2**12
"""log Z is summed at each look where it has at most so many entries."""


def monitors(lowered: Lowered, chains: Chains) -> Watch:
    """The monitors that this energy has: (params, training data, data held out, key) → numbers."""
    facts = lowered.facts
    bounded = bool(facts.bounded)
    known = not bounded or without_mean_field(lowered.program, facts) is None
    finite_or_real = all(
        v.type.kind.space == "finite" or v.type.kind.name == "real" for v in chains.state.values()
    )
    weighed = known and not lowered.program.having("given") and finite_or_real
    swept = chains.gibbs and bool(lowered.program.having("latent"))

    def watch(params: Params, seen: Values, held: Values, key: Array) -> Metrics:
        found: Metrics = {}
        if known:
            below, above = (_free_energy(lowered, params, values) for values in (seen, held))
            found["free_energy_gap"] = above - below
            if weighed:
                name, log_z = _log_constant(lowered, params, key)
                found[f"log_p{'_bound' * bounded}{name}"] = -above - log_z
        if swept:
            found["reconstruction"] = _reconstruction(lowered, chains, params, held, key)
        return {f"valid.{name}": value for name, value in found.items()}

    return watch


def _log_constant(lowered: Lowered, params: Params, key: Array) -> tuple[str, Array]:
    from dgmlang.evaluate.ais import estimated, log_weights  # which needs objectives' parts

    found = lowered.facts.summation
    if lowered.facts.gaussian is not None or (found is not None and found.entries <= SUMMED):
        return "", _log_sum(lowered, params)
    weights = log_weights(lowered, params, key, TEMPERATURES, CHAINS)
    return "_by_ais", jnp.asarray(estimated(weights).value)


@partial(jax.jit, static_argnums=0)
def _log_sum(lowered: Lowered, params: Params) -> Array:
    """Log Z; compiled at the first look and at no other."""
    from dgmlang.evaluate.log_normalizer import log_normalizer  # as above

    return log_normalizer(lowered, params, {})


@partial(jax.jit, static_argnums=0)
def _free_energy(lowered: Lowered, params: Params, values: Values) -> Array:
    """The mean over examples; of a mean field where latents are left to a bound."""

    def one(example: Values) -> Array:
        if lowered.facts.bounded:
            return -factorised(lowered, params, example)[1]
        return lowered.free_energy(params, example)

    return jnp.mean(jax.vmap(one)(values))


@partial(jax.jit, static_argnums=(0, 1))
def _reconstruction(
    lowered: Lowered, chains: Chains, params: Params, values: Values, key: Array
) -> Array:
    first, second = jax.random.split(key)
    start = chains.begin(first, values, size(values))
    again = keyed(gibbs_sweep(lowered))(params, second, start)
    apart = [jnp.abs(again[name] - start[name]).reshape(-1) for name in chains.data]
    return jnp.mean(jnp.concatenate(apart))

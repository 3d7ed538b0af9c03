"""The exact log-likelihood of a batch, with the normaliser where that is a finite sum."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import only


def log_likelihood(
    lowered: Lowered,
    params: Params,
    batch: Values,
    shared: Values | None = None,
    key: Array | None = None,
) -> Array:
    """The log p(x) [n] of examples with a leading axis; differentiable in the parameters.

    A `summed` normaliser is subtracted: once for the batch, or for each example's givens. `shared`
    holds variables that have one value for all examples: params on their own scale stand in for
    those among the parameters. With a key, divergences that are costly are estimated, unbiased and
    for each example apart; without one they are exact.
    """
    held = shared or {}
    keys = None if key is None else jax.random.split(key, size(batch))

    def one(example: Values, key: Array | None) -> Array:
        return lowered.solved(key=key).log_prob(params, {**held, **example})

    def constant(given: Values) -> Array:
        return log_normalizer(lowered, params, {**held, **given})

    unnormalised = jax.vmap(one, in_axes=(0, None if keys is None else 0))(batch, keys)
    if lowered.facts.normaliser.value != "summed":
        return unnormalised
    names = tuple(v.name for v in lowered.program.having("given"))
    if not names:
        return unnormalised - constant({})
    return unnormalised - jax.vmap(constant)(only(batch, names))

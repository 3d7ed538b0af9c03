"""The exact log-likelihood of a batch, with the normaliser where that is a finite sum."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import only


def log_likelihood(
    lowered: Lowered, params: Params, batch: Values, shared: Values | None = None
) -> Array:
    """The log p(x) [n] of examples with a leading axis; differentiable in the parameters.

    A `summed` normaliser is subtracted: once for the batch, or for each example's givens. `shared`
    holds variables that have one value for all examples: params on their own scale stand in for
    those among the parameters.
    """
    held = shared or {}

    def one(example: Values) -> Array:
        return lowered.log_prob(params, {**held, **example})

    def constant(given: Values) -> Array:
        return log_normalizer(lowered, params, {**held, **given})

    unnormalised = jax.vmap(one)(batch)
    if lowered.facts.normaliser.value != "summed":
        return unnormalised
    names = tuple(v.name for v in lowered.program.having("given"))
    if not names:
        return unnormalised - constant({})
    return unnormalised - jax.vmap(constant)(only(batch, names))

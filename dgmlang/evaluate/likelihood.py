"""The exact log-likelihood of a batch, with the normaliser where that is a finite sum."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import only


def log_likelihood(lowered: Lowered, params: Params, batch: Values) -> Array:
    """The log p(x) [n] of examples with a leading axis; differentiable in the parameters.

    A `summed` normaliser is subtracted: once for the batch, or for each example's givens.
    """
    unnormalised = jax.vmap(lowered.log_prob, in_axes=(None, 0))(params, batch)
    if lowered.facts.normaliser.value != "summed":
        return unnormalised
    names = tuple(v.name for v in lowered.program.having("given"))
    if not names:
        return unnormalised - log_normalizer(lowered, params, {})
    each = jax.vmap(lambda given: log_normalizer(lowered, params, given))
    return unnormalised - each(only(batch, names))

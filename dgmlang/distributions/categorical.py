"""The Categorical distribution whose density is NaN where a probability is.

NumPyro 0.22 takes NaN for a probability of 0: a run-time check that fails would end as −∞, which is
a number like others, in place of being seen.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.typing import ArrayLike
from numpyro.distributions.util import lazy_property

from dgmlang.registry import implements


class CategoricalProbs(dist.CategoricalProbs):
    """The law of one of K classes by their probabilities, on the last axis."""

    @lazy_property
    def logits(self) -> Array:
        """Log p, −∞ where p is 0."""
        probs = jnp.asarray(self.probs)
        return jnp.where(probs <= 0, -jnp.inf, jnp.log(jnp.where(probs <= 0, 1.0, probs)))


@implements("dist", "Categorical")
def categorical(
    probs: ArrayLike | None = None,
    logits: ArrayLike | None = None,
    validate_args: bool | None = None,
) -> dist.Distribution:
    """By the probabilities of the classes or by logits up to a constant, whichever is given."""
    if probs is None:
        return dist.CategoricalLogits(logits, validate_args=validate_args)
    return CategoricalProbs(probs, validate_args=validate_args)

"""The Bernoulli distribution with the right gradient at log-odds of exactly 0.

NumPyro 0.22 clamps there, and the gradient at 0 comes out as 0 or 1 in place of ±½: every net whose
head starts at zero begins at that point.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, nn
from jax.typing import ArrayLike
from numpyro.distributions.util import validate_sample

from dgmlang.registry import implements


class BernoulliLogits(dist.BernoulliLogits):
    """The law of a bit by its log-odds; its density is of degree one in the bit."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> Array:
        logits = jnp.asarray(self.logits)
        return log_density(jnp.asarray(value, jnp.result_type(logits, float)), logits)


@jax.custom_jvp
def log_density(x: Array, logits: Array) -> Array:
    """The log density x l − max(l, 0) − log(1 + exp(−|l|)): nothing cancels where x is 0 or 1.

    It has a kink in none of its values but in two of its terms, so its slope is written down:
    x − σ(l) in l, and l in x.
    """
    return x * logits - jnp.maximum(logits, 0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


@log_density.defjvp
def _slope(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, logits), (along_x, along_logits) = primals, tangents
    slope = (x - nn.sigmoid(logits)) * along_logits + logits * along_x
    return log_density(x, logits), slope


@implements("dist", "Bernoulli")
def bernoulli(
    probs: ArrayLike | None = None,
    logits: ArrayLike | None = None,
    validate_args: bool | None = None,
) -> dist.Distribution:
    """By the probability of 1 or the log-odds of it, whichever is given."""
    if logits is None:
        return dist.BernoulliProbs(probs, validate_args=validate_args)
    return BernoulliLogits(logits, validate_args=validate_args)

"""The Bernoulli distribution with the right gradient at log-odds of exactly 0.

NumPyro 0.22 clamps there, and the gradient at 0 comes out as 0 or 1 in place of ±½: every net whose
head starts at zero begins at that point.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array, nn
from jax.typing import ArrayLike
from numpyro.distributions.util import validate_sample

from dgmlang.registry import implements


class BernoulliLogits(dist.BernoulliLogits):
    """log p(x) = x log σ(logits) + (1 − x) log σ(−logits), of degree one in x."""

    @validate_sample
    def log_prob(self, value: ArrayLike) -> Array:
        value = jnp.asarray(value, jnp.result_type(self.logits, float))
        on, off = nn.log_sigmoid(self.logits), nn.log_sigmoid(-jnp.asarray(self.logits))
        return value * on + (1 - value) * off


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

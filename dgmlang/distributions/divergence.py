"""Kullback–Leibler divergences in closed form: NumPyro's, and those of finite laws."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from numpyro import distributions as dist

BITS = (dist.BernoulliLogits, dist.BernoulliProbs)
CLASSES = (dist.CategoricalLogits, dist.CategoricalProbs)


def divergence(q: dist.Distribution, p: dist.Distribution) -> Array | None:
    """The KL(q ‖ p) of two laws of one variable, a number; None where no closed form is known.

    Of independent bits and classes it is Σ q (log q − log p), infinite where p excludes what q
    allows.
    """
    one, other = (law.base_dist if isinstance(law, dist.Independent) else law for law in (q, p))
    for finite in (BITS, CLASSES):
        if isinstance(one, finite) and isinstance(other, finite):
            return jnp.sum(_summands(_log_probs(one), _log_probs(other)))
    try:
        return dist.kl_divergence(q, p)
    except NotImplementedError:
        return None


def _log_probs(law: Any) -> Array:
    """The log probability of each value, on a last axis."""
    if isinstance(law, BITS):
        logits = jnp.asarray(law.logits)
        return jnp.stack([jax.nn.log_sigmoid(-logits), jax.nn.log_sigmoid(logits)], axis=-1)
    return jax.nn.log_softmax(jnp.asarray(law.logits), axis=-1)


def _summands(log_q: Array, log_p: Array) -> Array:
    log_q, log_p = jnp.broadcast_arrays(log_q, log_p)
    nowhere = log_q == -jnp.inf  # 0 · ∞ is NaN, in the gradient too
    safe = jnp.where(nowhere, 0.0, log_q)
    return jnp.where(nowhere, 0.0, jnp.exp(safe) * (safe - jnp.where(nowhere, 0.0, log_p)))

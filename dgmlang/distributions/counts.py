"""Counts by a probability or by log-odds, one name for what NumPyro names twice."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.typing import ArrayLike

from dgmlang.registry import implements


class BinomialProbs(dist.BinomialProbs):
    """Drawn by JAX, all entries at once: NumPyro draws one entry after the other."""

    def sample(self, key: Array | None, sample_shape: tuple[int, ...] = ()) -> Array:
        return _coins(key, self.total_count, self.probs, self.shape(sample_shape))


class BinomialLogits(dist.BinomialLogits):
    """Drawn by JAX, all entries at once: NumPyro draws one entry after the other."""

    def sample(self, key: Array | None, sample_shape: tuple[int, ...] = ()) -> Array:
        return _coins(key, self.total_count, self.probs, self.shape(sample_shape))


class BetaBinomial(dist.BetaBinomial):
    """A binomial whose probability is drawn first."""

    def sample(self, key: Array | None, sample_shape: tuple[int, ...] = ()) -> Array:
        assert key is not None
        first, second = jax.random.split(key)
        probs = self._beta.sample(first, sample_shape)
        return _coins(second, self.total_count, probs, self.shape(sample_shape))


def _coins(key: Array | None, count: Any, probs: Any, shape: tuple[int, ...]) -> Array:
    assert key is not None
    drawn = jax.random.binomial(key, jnp.asarray(count, jnp.result_type(float)), probs, shape)
    return drawn.astype(jnp.int32)


@implements("dist", "Binomial")
def binomial(
    total_count: ArrayLike,
    probs: ArrayLike | None = None,
    logits: ArrayLike | None = None,
    validate_args: bool | None = None,
) -> dist.Distribution:
    """How many of `total_count` coins show 1, the probability or the log-odds of 1 given."""
    checked: Any = {"validate_args": validate_args}
    if logits is None:
        return BinomialProbs(probs, total_count, **checked)
    return BinomialLogits(logits, total_count, **checked)


@implements("dist", "Geometric")
def geometric(
    probs: ArrayLike | None = None,
    logits: ArrayLike | None = None,
    validate_args: bool | None = None,
) -> dist.Distribution:
    """How often a coin shows 0 before its first 1, the probability or the log-odds of 1 given."""
    if logits is None:
        return dist.GeometricProbs(probs, validate_args=validate_args)
    return dist.GeometricLogits(logits, validate_args=validate_args)


implements("dist", "BetaBinomial")(BetaBinomial)

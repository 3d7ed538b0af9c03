"""Laws of `quantize(D)`: bins k = [k/K, (k+1)/K) of a variable, one for each entry."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro.distributions import Distribution

TINY = 1e-30
"""What a bin's probability is at least, so that its logarithm is finite where the cdf is flat."""


class ByCdf(Distribution):
    """Bins of a law with a cdf F: F((k+1)/K) − F(k/K), the outer bins with the tails."""

    def __init__(self, base: Distribution, levels: int) -> None:
        self.base, self.levels = base, levels
        super().__init__(event_shape=base.batch_shape, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        k = jnp.asarray(value)
        below = jnp.where(k <= 0, 0.0, self.base.cdf(k / self.levels))
        above = jnp.where(k >= self.levels - 1, 1.0, self.base.cdf((k + 1) / self.levels))
        return jnp.sum(jnp.log(jnp.maximum(above - below, TINY)))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        return bins(jnp.asarray(self.base.sample(key, sample_shape)), self.levels)


class Bin(Distribution):
    """The bin of known numbers in (0, 1): its log probability is 0, and that of others −∞.

    A number within rounding of its bin's ends is taken for one inside.
    """

    def __init__(self, u: Array, levels: int) -> None:
        self.u, self.levels = u, levels
        super().__init__(event_shape=u.shape, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        slack = 4 * self.levels * jnp.finfo(self.u.dtype).eps
        place = self.u * self.levels - jnp.asarray(value)
        inside = (place >= -slack) & (place <= 1 + slack)
        return jnp.sum(jnp.where(inside, 0.0, -jnp.inf))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        return bins(self.u, self.levels)


class Within(Distribution):
    """Uniform over the bins of known levels; never 0 or 1, where a logit is infinite."""

    def __init__(self, k: Array, levels: int) -> None:
        self.k, self.levels = k, levels
        super().__init__(event_shape=k.shape, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        return self.k.size * jnp.log(jnp.asarray(self.levels, jnp.result_type(float)))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        noise = jax.random.uniform(key, self.k.shape)
        edge = jnp.finfo(noise.dtype).eps
        return jnp.clip((self.k + noise) / self.levels, edge, 1 - edge)


def bins(u: Array, levels: int) -> Array:
    """The bin of each number, the outer ones for what lies outside of [0, 1)."""
    return jnp.clip(jnp.floor(u * levels), 0, levels - 1).astype(jnp.int32)

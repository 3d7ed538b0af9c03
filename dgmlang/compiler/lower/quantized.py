"""Laws of `quantize(D)`: bins k = [k/K, (k+1)/K) of a variable, one for each entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpyro.distributions import Distribution

from dgmlang.distributions import intervals


class ByCdf(Distribution):
    """Bins of a law with a cdf, exact: log(F((k+1)/K) − F(k/K)), the outer ones with the tails.

    A mixture's component is drawn once for each index of the weights, so the bins of what it draws
    together are multiplied before components are averaged.

    Args:
        base: The law of single entries; of a mixture its components', [B, M, E].
        levels: K.
        log_weights: Of a mixture, [B, M].
        draw: Draws of the law that is quantised.
        apart: Whether each entry has its own log probability; not of a mixture.
    """

    def __init__(
        self,
        base: Distribution,
        levels: int,
        draw: Distribution,
        log_weights: Array | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.base, self.levels, self.draw, self.log_weights = base, levels, draw, log_weights
        self.apart = apart
        shape = draw.batch_shape + draw.event_shape
        batch, event = (shape, ()) if apart else ((), shape)
        super().__init__(batch_shape=batch, event_shape=event, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        if self.log_weights is None:
            bins = self._bins(jnp.asarray(value))
            return bins if self.apart else jnp.sum(bins)
        axis = self.log_weights.ndim - 1
        each = self._bins(jnp.expand_dims(jnp.asarray(value), axis))
        together = jnp.sum(each, axis=tuple(range(axis + 1, each.ndim)))
        return jnp.sum(jax.nn.logsumexp(self.log_weights + together, axis=-1))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        return bins(jnp.asarray(self.draw.sample(key, sample_shape)), self.levels)

    def _bins(self, k: Array) -> Array:
        """The log probability of each entry's bin."""
        if self.levels == 1:
            return jnp.zeros(jnp.broadcast_shapes(k.shape, self.base.batch_shape))
        k = jnp.broadcast_to(k, self.base.batch_shape)
        first, last = k <= 0, k >= self.levels - 1
        # The two ends are finite numbers everywhere, so that no gradient is 0 · ∞.
        inner = jnp.clip(k, 1, max(self.levels - 2, 1))
        low, high = inner / self.levels, (inner + 1) / self.levels
        inside = intervals.between(self.base, low, high)
        ends = jnp.full_like(low, 1 / self.levels), jnp.full_like(low, 1 - 1 / self.levels)
        outer = intervals.below(self.base, ends[0]), intervals.above(self.base, ends[1])
        return jnp.where(first, outer[0], jnp.where(last, outer[1], inside))


class Bin(Distribution):
    """The bin of known numbers in (0, 1): its log probability is 0, and that of others −∞.

    A number within rounding of its bin's ends is taken for one inside.
    """

    def __init__(self, u: Array, levels: int) -> None:
        self.u, self.levels = u, levels
        super().__init__(event_shape=u.shape, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        inside = _in_bin(self.u * self.levels - jnp.asarray(value), self.levels)
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


JITTER = 2.0**-10
"""The share of a bin that is uniform noise whatever the law of the place within it."""


class Placed(Distribution):
    """Within the bins of known levels at places v of a law on (0, 1): u = (k + v')/K.

    Variational dequantisation (Ho et al. 2019, eq. 12). A bound must not gain by what is rounded:
    the density of a draw is taken on the way to it, never read back from u, which holds few digits
    of v; and v' = (1 − J) v + J w, with a uniform w that the bound counts as one more latent (it
    costs −log(1 − J), 0.0014 bits an entry), so that no law of the place can be so narrow that all
    its draws round to one u, where the density of the model could then grow without end.

    Source: Ho, Chen, Srinivas, Duan & Abbeel 2019, Flow++, sec. 3.1, arXiv:1902.00275.
    """

    def __init__(
        self,
        k: Array,
        levels: int,
        place: Distribution,
        drawing: Callable[[Distribution, Any], tuple[Array, Array]],
    ) -> None:
        self.k, self.levels, self.place, self.drawing = k, levels, place, drawing
        super().__init__(event_shape=k.shape, validate_args=False)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        """At a u that was not drawn here, its noise w taken to be ½; −∞ outside of the bins."""
        place = jnp.asarray(value) * self.levels - self.k
        edge = jnp.finfo(place.dtype).eps
        v = jnp.clip((place - 0.5 * JITTER) / (1.0 - JITTER), edge, 1.0 - edge)
        log_q = jnp.asarray(self.place.log_prob(v)) + self._stretched()
        return jnp.where(jnp.all(_in_bin(place, self.levels)), log_q, -jnp.inf)

    def draw(self, key: Any) -> tuple[Array, Array]:
        """A draw and its log density."""
        of_place, of_noise = jax.random.split(key)
        v, log_q = self.drawing(self.place, of_place)
        noise = jax.random.uniform(of_noise, self.k.shape, v.dtype)
        u = (self.k + (1.0 - JITTER) * v + JITTER * noise) / self.levels
        edge = jnp.finfo(u.dtype).eps
        return jnp.clip(u, edge, 1.0 - edge), log_q + self._stretched()

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        return self.draw(key)[0]

    def _stretched(self) -> Array:
        return self.k.size * (jnp.log(jnp.asarray(self.levels, float)) - np.log1p(-JITTER))


def _in_bin(place: Array, levels: int) -> Array:
    """Whether places within bins lie from 0 to 1, but for rounding of u, some units of its own."""
    slack = 4 * levels * jnp.finfo(place.dtype).eps
    return (place >= -slack) & (place <= 1 + slack)


def bins(u: Array, levels: int) -> Array:
    """The bin of each number, the outer ones for what lies outside of [0, 1)."""
    return jnp.clip(jnp.floor(u * levels), 0, levels - 1).astype(jnp.int32)

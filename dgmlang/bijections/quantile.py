"""The normal quantile of a probability that is given by its logarithm, as far out as one likes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr, ndtri
from jax.scipy.stats import norm

FAR = -10.0
"""The log-probability below which the start is an expansion for the tail."""

STEPS = 3
"""Newton steps on log Φ, each of which doubles the digits."""

MILLS = -50.0
"""The x below which Φ(x)/φ(x) is a fraction, since its logarithm is a difference of large ones."""


def normal_quantile(log_below: Array, log_above: Array) -> Array:
    """Φ⁻¹(p) from log p and log(1 − p); the smaller of the two sets it, so neither tail is lost."""
    below = log_below < log_above
    x = _lower(jnp.where(below, log_below, log_above))
    return jnp.where(below, x, -x)


@jax.custom_jvp
def _lower(log_p: Array) -> Array:
    """Φ⁻¹(p) where p ≤ ½."""
    x = _start(log_p)
    for _ in range(STEPS):
        log_tail = log_ndtr(x)
        x = x - (log_tail - log_p) * _mills(x, log_tail)
    return x


@_lower.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """The slope Φ(x)/φ(x), which can be differentiated on."""
    (log_p,), (slope,) = primals, tangents
    x = _lower(log_p)
    return x, slope * _mills(x, log_p)


def _mills(x: Array, log_tail: Array) -> Array:
    """Φ(x)/φ(x); far out 4/(3|x| + √(x² + 8)), right up to O(x⁻⁶) (Sampford 1953)."""
    outside, far = x < MILLS, jnp.minimum(x, MILLS)
    close = jnp.exp(jnp.where(outside, 0.0, log_tail - norm.logpdf(x)))
    return jnp.where(outside, 4.0 / (jnp.sqrt(far**2 + 8.0) - 3.0 * far), close)


def _start(log_p: Array) -> Array:
    """`ndtri`, and in the tail the root of x² = −2 log p − log 2π − log x² after one turn."""
    far = jnp.minimum(log_p, FAR)
    square = -2.0 * far - np.log(2 * np.pi)
    return jnp.where(log_p < FAR, -jnp.sqrt(square - jnp.log(square)), ndtri(jnp.exp(log_p)))

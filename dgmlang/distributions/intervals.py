"""The log probability of an interval, without what F(b) − F(a) loses.

    between(law, a, b) = log(F(b) − F(a)),  below(law, b) = log F(b),  above(law, a) = log(1 − F(a))

Differences of a cdf cancel far out, where both are 0 or 1, and wherever an interval is narrow. Here
each law has a form of its own that neither over- nor underflows: for the logistic law, with
z = (x − loc)/s and Δ = (b − a)/s,

    F(b) − F(a) = σ(z_b) σ(−z_a) (1 − e^−Δ)

so that values and gradients are finite in single precision at every scale. Of a law without such a
form (Gamma, Beta) it is the difference of the cdf, no less than the smallest number.

Source: Salimans, Karpathy, Chen & Kingma 2017, PixelCNN++, sec. 2.1, arXiv:1701.05517 (whose code
falls back on the density at the middle where the difference vanishes).
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array, nn
from jax.scipy.special import log_ndtr
from numpyro.distributions import Distribution

NARROW = 0.1
"""Up to which width, in standard deviations and times 1 + |z|, a density is a short series."""


@singledispatch
def between(law: Distribution, low: Array, high: Array) -> Array:
    """The log probability of (low, high), both finite and low < high, entry by entry."""
    return _log(law.cdf(high) - law.cdf(low))


@singledispatch
def below(law: Distribution, high: Array) -> Array:
    """The log probability of what is less than `high`."""
    return _log(law.cdf(high))


@singledispatch
def above(law: Distribution, low: Array) -> Array:
    """The log probability of what is more than `low`."""
    return _log(1.0 - law.cdf(low))


def _log(probability: Any) -> Array:
    tiny = jnp.finfo(jnp.result_type(probability)).tiny
    return jnp.log(jnp.maximum(jnp.asarray(probability), tiny))


def _log_of_less(exponent: Array) -> Array:
    """The log of 1 − e^−x, for x > 0."""
    return jnp.log(-jnp.expm1(-exponent))


def _standard(law: Any, value: Array) -> Array:
    return _units(law, value - law.loc)


def _units(law: Any, length: Array) -> Array:
    return length / jnp.asarray(law.scale)


# ── symmetric laws: below(law, x) is above(law, −x) ──────────────────────────────────────────────


@between.register
def _(law: dist.Logistic, low: Array, high: Array) -> Array:
    a, b = _standard(law, low), _standard(law, high)
    return nn.log_sigmoid(b) + nn.log_sigmoid(-a) + _log_of_less(_units(law, high - low))


@below.register
def _(law: dist.Logistic, high: Array) -> Array:
    return nn.log_sigmoid(_standard(law, high))


@above.register
def _(law: dist.Logistic, low: Array) -> Array:
    return nn.log_sigmoid(-_standard(law, low))


@between.register
def _(law: dist.Normal, low: Array, high: Array) -> Array:
    return _gaussian(_standard(law, low), _standard(law, high), _units(law, high - low))


@below.register
def _(law: dist.Normal, high: Array) -> Array:
    return log_ndtr(_standard(law, high))


@above.register
def _(law: dist.Normal, low: Array) -> Array:
    return log_ndtr(-_standard(law, low))


def _gaussian(a: Array, b: Array, width: Array) -> Array:
    """log(Φ(b) − Φ(a)): by the lower tail, or where the interval is narrow by the density.

    With m in the middle the narrow one is φ(m) Δ (1 + (m² − 1) Δ²/24 + …).
    """
    middle = 0.5 * (a + b)
    narrow = width * (1.0 + jnp.abs(middle)) < NARROW
    small = jnp.where(narrow, width, NARROW)
    at = jnp.where(narrow, middle, 0.0)
    series = jnp.log(small) + jnp.log1p((at**2 - 1.0) * small**2 / 24.0)
    series += -0.5 * at**2 - 0.5 * np.log(2.0 * np.pi)
    upper = middle > 0
    low, high = jnp.where(upper, -b, a), jnp.where(upper, -a, b)
    low = jnp.where(narrow, -1.0, low)
    high = jnp.where(narrow, 0.0, high)
    less = log_ndtr(low) - log_ndtr(high)
    return jnp.where(narrow, series, log_ndtr(high) + _log_of_less(-less))


@between.register
def _(law: dist.Laplace, low: Array, high: Array) -> Array:
    a, b = _standard(law, low), _standard(law, high)
    # On one side of the middle e^b (1 − e^−Δ) / 2, else what the two sides have, each by expm1.
    astride = (a < 0) & (b > 0)
    nearest = jnp.where(b <= 0, b, jnp.where(a >= 0, -a, 0.0))
    beside = nearest + _log_of_less(_units(law, high - low))
    inner = jnp.where(astride, a, -1.0), jnp.where(astride, b, 1.0)
    across = jnp.log(-jnp.expm1(inner[0]) - jnp.expm1(-inner[1]))
    return jnp.where(astride, across, beside) - np.log(2.0)


@below.register
def _(law: dist.Laplace, high: Array) -> Array:
    return _laplace(_standard(law, high))


@above.register
def _(law: dist.Laplace, low: Array) -> Array:
    return _laplace(-_standard(law, low))


def _laplace(z: Array) -> Array:
    return jnp.where(z < 0, z - np.log(2.0), jnp.log1p(-0.5 * jnp.exp(-jnp.abs(z))))


@between.register
def _(law: dist.Cauchy, low: Array, high: Array) -> Array:
    a, b = _standard(law, low), _standard(law, high)
    return jnp.log(jnp.arctan2(_units(law, high - low), 1.0 + a * b) / np.pi)


@below.register
def _(law: dist.Cauchy, high: Array) -> Array:
    z = _standard(law, high)
    return jnp.log(jnp.arctan2(jnp.ones_like(z), -z) / np.pi)


@above.register
def _(law: dist.Cauchy, low: Array) -> Array:
    z = _standard(law, low)
    return jnp.log(jnp.arctan2(jnp.ones_like(z), z) / np.pi)


# ── laws of positive numbers and of the unit interval ────────────────────────────────────────────


@between.register
def _(law: dist.Exponential, low: Array, high: Array) -> Array:
    return -jnp.asarray(law.rate) * low + _log_of_less(jnp.asarray(law.rate) * (high - low))


@below.register
def _(law: dist.Exponential, high: Array) -> Array:
    return _log_of_less(jnp.asarray(law.rate) * high)


@above.register
def _(law: dist.Exponential, low: Array) -> Array:
    return -jnp.asarray(law.rate) * low


@between.register
def _(law: dist.HalfNormal | dist.HalfCauchy, low: Array, high: Array) -> Array:
    return np.log(2.0) + between(_whole(law), low, high)


@below.register
def _(law: dist.HalfNormal | dist.HalfCauchy, high: Array) -> Array:
    return between(law, jnp.zeros_like(high), high)


@above.register
def _(law: dist.HalfNormal | dist.HalfCauchy, low: Array) -> Array:
    return np.log(2.0) + above(_whole(law), low)


def _whole(law: dist.HalfNormal | dist.HalfCauchy) -> Distribution:
    """The law of which it is the positive half."""
    whole = dist.Normal if isinstance(law, dist.HalfNormal) else dist.Cauchy
    return whole(0.0, law.scale, validate_args=False)


@between.register
def _(law: dist.Uniform, low: Array, high: Array) -> Array:
    return jnp.log(high - low) - jnp.log(jnp.asarray(law.high) - jnp.asarray(law.low))


@between.register
def _(law: dist.ExpandedDistribution, low: Array, high: Array) -> Array:
    return jnp.broadcast_to(between(law.base_dist, low, high), law.batch_shape)


@below.register
def _(law: dist.ExpandedDistribution, high: Array) -> Array:
    return jnp.broadcast_to(below(law.base_dist, high), law.batch_shape)


@above.register
def _(law: dist.ExpandedDistribution, low: Array) -> Array:
    return jnp.broadcast_to(above(law.base_dist, low), law.batch_shape)


@between.register
def _(law: dist.LogNormal, low: Array, high: Array) -> Array:
    return between(_logarithm(law), jnp.log(low), jnp.log(high))


@below.register
def _(law: dist.LogNormal, high: Array) -> Array:
    return below(_logarithm(law), jnp.log(high))


@above.register
def _(law: dist.LogNormal, low: Array) -> Array:
    return above(_logarithm(law), jnp.log(low))


def _logarithm(law: dist.LogNormal) -> Distribution:
    return dist.Normal(law.loc, law.scale, validate_args=False)

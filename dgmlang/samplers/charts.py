"""The maps from the reals onto kinds inside chains: NumPyro's; `positive` is the exponential."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.transforms import Transform

from dgmlang.compiler.lower.domains import CONSTRAINTS
from dgmlang.compiler.types.kinds import Kind

PLAIN = {
    "real": constraints.real,
    "positive": constraints.positive,
    "unit": constraints.unit_interval,
    "simplex": constraints.simplex,
}


def chart(kind: Kind) -> Transform:
    """The bijection from the reals onto a continuous kind."""
    if kind.name == "interval" and kind.interval is not None:
        return biject_to(constraints.interval(kind.interval.low, kind.interval.high))
    return biject_to((PLAIN | CONSTRAINTS)[kind.name])


def log_volume(of: Transform, u: Array, x: Array) -> Array:
    """Log |∂x/∂u| of a whole array."""
    return jnp.sum(jnp.asarray(of.log_abs_det_jacobian(u, x)))

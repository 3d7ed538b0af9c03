"""The maps from the reals onto kinds inside chains: NumPyro's; `positive` is the exponential."""

from __future__ import annotations

from math import isinf
from typing import Any

import jax.numpy as jnp
from jax import Array
from numpyro.distributions import biject_to, constraints
from numpyro.distributions.transforms import Transform

from dgmlang.compiler.lower.domains import CONSTRAINTS, choices
from dgmlang.compiler.types.kinds import Kind

PLAIN = {
    "real": constraints.real,
    "positive": constraints.positive,
    "unit": constraints.unit_interval,
    "simplex": constraints.simplex,
    "count": constraints.nonnegative_integer,
}


def constraint(kind: Kind) -> Any:
    """NumPyro's name of a kind's values; of spins the integers from −1 to 1."""
    if kind.name == "interval" and kind.interval is not None:
        return between(kind.interval.low, kind.interval.high)
    if kind.space == "finite":
        every = choices(kind)
        return constraints.integer_interval(every[0], every[-1])
    return (PLAIN | CONSTRAINTS)[kind.name]


def between(low: float, high: float) -> Any:
    """NumPyro's name of the numbers from `low` to `high`, of which one may be infinite."""
    if isinf(high):
        return constraints.greater_than(low)
    return constraints.less_than(high) if isinf(low) else constraints.interval(low, high)


def chart(kind: Kind) -> Transform:
    """The bijection from the reals onto a continuous kind."""
    return biject_to(constraint(kind))


def log_volume(of: Transform, u: Array, x: Array) -> Array:
    """Log |∂x/∂u| of a whole array."""
    return jnp.sum(jnp.asarray(of.log_abs_det_jacobian(u, x)))

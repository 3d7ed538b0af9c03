"""Kinds as JAX sees them: how arrays are stored, and the maps from the reals onto a kind."""

from __future__ import annotations

from math import isinf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpyro.distributions import biject_to, constraints

from dgmlang.compiler.types.kinds import Kind

FLOOR = 1e-6
"""What a positive value is at least, so that a scale cannot collapse to 0."""

CONSTRAINTS = {
    "ordered": constraints.ordered_vector,
    "corr": constraints.corr_matrix,
    "cov": constraints.positive_definite,
    "tril": constraints.lower_cholesky,
    "corr_tril": constraints.corr_cholesky,
}
"""NumPyro's names of the kinds whose maps are NumPyro's."""

INTEGERS = frozenset({"cat", "grey", "byte", "count"})
"""Kinds stored as integers; all others are stored as floats, bits and spins too."""


def dtype(kind: Kind) -> jnp.dtype:
    """What arrays of a kind are stored as: floats follow `jax_enable_x64`."""
    return jnp.dtype(jnp.int32) if kind.name in INTEGERS else jnp.result_type(float)


def stored(kind: Kind, value: ArrayLike) -> Array:
    """The value in its kind's storage."""
    return jnp.asarray(value, dtype(kind))


def choices(kind: Kind) -> tuple[int, ...]:
    """The values of a finite kind, ascending."""
    if kind.name == "spin":
        return (-1, 1)
    assert kind.levels is not None
    assert kind.levels.value is not None
    return tuple(range(kind.levels.value))


def constrain(kind: Kind, raw: Array) -> Array:
    """Reals mapped onto a kind: the map of a net's head and of a `param`.

    positive: softplus + 1e-6; unit: sigmoid; interval(a, b): a + (b − a) sigmoid, where b is
    infinite a + softplus; simplex: softmax of the last axis; matrices and `ordered`: NumPyro's
    bijections.
    """
    match kind.name:
        case "positive":
            return jax.nn.softplus(raw) + FLOOR
        case "unit":
            return jax.nn.sigmoid(raw)
        case "interval":
            low, high = _ends(kind)
            if isinf(high):
                return low + jax.nn.softplus(raw)
            if isinf(low):
                return high - jax.nn.softplus(-raw)
            return low + (high - low) * jax.nn.sigmoid(raw)
        case "simplex":
            return jax.nn.softmax(raw, axis=-1)
    return biject_to(CONSTRAINTS[kind.name])(raw) if kind.name in CONSTRAINTS else raw


def plain(kind: Kind, shape: tuple[int, ...]) -> Array:
    """Some value of a kind at every entry: a density needs one even where its result is unused."""
    value = constrain(kind, jnp.zeros(raw_shape(kind, shape)))
    return stored(kind, value + 1 if kind.name == "spin" else value)


def unconstrain(kind: Kind, value: Any) -> Any:
    """A raw value that `constrain` maps to this one: NumPy's of NumPy's arrays, JAX's of JAX's."""
    xp = jnp if isinstance(value, jax.Array) else np
    value = xp.asarray(value, xp.result_type(value, xp.result_type(float)))
    match kind.name:
        case "positive":
            return _before_softplus(xp, value - FLOOR)
        case "unit":
            return _log_odds(xp, value)
        case "interval":
            low, high = _ends(kind)
            if isinf(high):
                return _before_softplus(xp, value - low)
            if isinf(low):
                return -_before_softplus(xp, high - value)
            return _log_odds(xp, (value - low) / (high - low))
        case "simplex":
            return xp.log(xp.maximum(value, np.finfo(np.float32).tiny))
    if kind.name in CONSTRAINTS:
        return xp.asarray(biject_to(CONSTRAINTS[kind.name]).inv(jnp.asarray(value)))
    return value


def raw_shape(kind: Kind, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what `constrain` maps to an array of this shape."""
    if kind.name not in CONSTRAINTS:
        return shape
    return biject_to(CONSTRAINTS[kind.name]).inverse_shape(shape)


def _ends(kind: Kind) -> tuple[float, float]:
    interval = kind.interval
    assert interval is not None
    return interval.low, interval.high


def _before_softplus(xp: Any, positive: Any) -> Any:
    above = xp.maximum(positive, xp.finfo(positive.dtype).tiny)
    return above + xp.log(-xp.expm1(-above))


def _log_odds(xp: Any, unit: Any) -> Any:
    inside = xp.clip(unit, FLOOR, 1 - FLOOR)
    return xp.log(inside) - xp.log1p(-inside)

"""What whole arrays have to be, checked when they run: triangles, covariances, ascending numbers.

Each kind has its faults in order, and an array is told by the first that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import plain
from dgmlang.compiler.types.kinds import ARRAYS, Kind

ROUNDING = 1e-5
"""How far single precision may carry a sum beside one, and an entry beside its mirror's."""


def _falls(a: Array) -> Array:
    return jnp.any(jnp.diff(a, axis=-1) <= 0, axis=-1)


def _above(a: Array) -> Array:
    return jnp.any(jnp.triu(a, 1) != 0, axis=(-2, -1))


def _not_positive(a: Array) -> Array:
    return jnp.any(_diagonal(a) <= 0, axis=-1)


def _lopsided(a: Array) -> Array:
    away = jnp.abs(a - jnp.swapaxes(a, -2, -1))
    return jnp.any(away > ROUNDING * jnp.max(jnp.abs(a), axis=(-2, -1), keepdims=True), (-2, -1))


def _indefinite(a: Array) -> Array:
    return jnp.any(jnp.isnan(jnp.linalg.cholesky(a)), axis=(-2, -1))


def _not_one(a: Array) -> Array:
    return jnp.any(jnp.abs(_diagonal(a) - 1) > ROUNDING, axis=-1)


def _long_rows(a: Array) -> Array:
    return jnp.any(jnp.abs(jnp.sum(a**2, axis=-1) - 1) > ROUNDING, axis=-1)


def _diagonal(a: Array) -> Array:
    return jnp.diagonal(a, axis1=-2, axis2=-1)


_TRIANGLE = (
    ("numbers above the diagonal", _above),
    ("a number on the diagonal that is not above 0", _not_positive),
)
_COVARIANCE = (
    ("a matrix that is not symmetric", _lopsided),
    ("a matrix that is not positive definite", _indefinite),
)
FAULTS: Mapping[str, tuple[tuple[str, Callable[[Array], Array]], ...]] = {
    "ordered": (("numbers that do not rise", _falls),),
    "tril": _TRIANGLE,
    "cov": _COVARIANCE,
    "corr": (("a number on the diagonal that is not 1", _not_one), *_COVARIANCE),
    "corr_tril": (*_TRIANGLE, ("a row whose length is not 1", _long_rows)),
}


def fault(kind: str, a: Array) -> Array:
    """Of each array the number of its first fault, from 1, and 0 of one that has none.

    NaN of an array with a NaN: another check, or the data, is to blame for it.
    """
    found = jnp.zeros(a.shape[: a.ndim - ARRAYS[kind]], a.dtype)
    for number, (_, bad) in reversed(tuple(enumerate(FAULTS[kind], 1))):
        found = jnp.where(bad(a), number, found)
    return jnp.where(jnp.isnan(a).any(axis=tuple(range(-ARRAYS[kind], 0))), jnp.nan, found)


def words(kind: str, number: float) -> str:
    """A fault for people."""
    return FAULTS[kind][int(number) - 1][0]


def some(kind: Kind, a: Array) -> Array:
    """An array of the kind, in the place of one that is none."""
    return jnp.asarray(plain(kind, a.shape), a.dtype)

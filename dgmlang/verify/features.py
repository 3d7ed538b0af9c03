"""Bounded functions of values whose means tell two laws apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.evaluate.states import whole
from dgmlang.objectives.objective import Values

MOST = 48
"""How many functions are compared, taken at random where there are more."""


def features(
    variables: Sequence[Variable],
    typical: Values,
    log_density: Callable[[Values], Array],
    seed: int,
) -> Callable[[Values], Array]:
    """A function of one joint value to numbers in [−1, 1].

    For each entry: whether it has a level, for finite kinds; tanh and sin of its distance from the
    middle in units of the spread of `typical` [n, …], for the others. Products of pairs show how
    entries depend on each other, and the log density, seen the same way, how all of them do.
    """
    heights = _middle_and_spread(jax.jit(jax.vmap(log_density))(typical))
    scales = {v.name: _middle_and_spread(typical[v.name]) for v in variables}
    rng = np.random.default_rng(seed)
    count = sum(_single_count(v, typical[v.name]) for v in variables)
    pairs = rng.integers(0, count, (2, MOST // 2))
    kept = rng.permutation(count)[: MOST // 2]

    def function(values: Values) -> Array:
        parts = [_single(v, values[v.name], scales[v.name]) for v in variables]
        single = jnp.concatenate(parts)
        height = _continuous(log_density(values), heights)
        return jnp.concatenate([single[kept], single[pairs[0]] * single[pairs[1]], height])

    return function


def _middle_and_spread(values: Array) -> tuple[Array, Array]:
    flat = jnp.asarray(values, jnp.result_type(float))
    low, middle, high = jnp.quantile(flat, jnp.array([0.25, 0.5, 0.75]), axis=0)
    return middle, jnp.maximum(high - low, 1e-6)


def _single_count(variable: Variable, typical: Array) -> int:
    entries = int(np.prod(typical.shape[1:]))
    finite = variable.type.kind.space == "finite"
    return entries * (whole(variable).levels - 1 if finite else 2)


def _single(variable: Variable, value: Array, scale: tuple[Array, Array]) -> Array:
    if variable.type.kind.space == "finite":
        site = whole(variable)
        low = -1 if variable.type.kind.name == "spin" else 0
        step = 2 if low else 1
        levels = jnp.arange(1, site.levels) * step + low
        return (
            (value.reshape(-1)[:, None] == levels[None]).astype(jnp.result_type(float)).reshape(-1)
        )
    return _continuous(value, scale)


def _continuous(value: Array, scale: tuple[Array, Array]) -> Array:
    middle, spread = scale
    # A log density may be −∞, which is far away and no fault; NaN stays NaN.
    scaled = jnp.maximum((value - middle) / spread, -1e6).reshape(-1)
    return jnp.concatenate([jnp.tanh(scaled), jnp.sin(scaled)])

"""Where chains start: noise of each variable's kind."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.variables import shape_of
from dgmlang.samplers.charts import chart


def noise_of(variable: Variable, key: Array) -> Array:
    """One array of the variable's shape and kind."""
    return noise(variable.type.kind, shape_of(variable), key)


def noise(kind: Kind, shape: tuple[int, ...], key: Array) -> Array:
    """One array of a kind: uniform where bounded, Poisson for counts, else N(0, 1) mapped there."""
    match kind.name:
        case "bit":
            return jax.random.bernoulli(key, 0.5, shape).astype(jnp.result_type(float))
        case "spin":
            return jax.random.rademacher(key, shape, jnp.result_type(float))
        case "cat" | "grey" | "count" if kind.levels is not None:
            return jax.random.randint(key, shape, 0, numbers((kind.levels,))[0])
        case "count":
            return jax.random.poisson(key, 1.0, shape).astype(jnp.int32)
        case "unit" | "interval" if kind.interval is not None and kind.interval.bounded:
            low, high = kind.interval.low, kind.interval.high
            return jax.random.uniform(key, shape, minval=low, maxval=high)
        case _:
            onto = chart(kind)
            return jnp.asarray(onto(jax.random.normal(key, onto.inverse_shape(shape))))


def chain_variables(variables: dict[str, Variable], key: Array) -> dict[str, Array]:
    """Noise for each variable, by name; its stream depends on nothing but its place."""
    return {
        name: noise_of(variable, jax.random.fold_in(key, place))
        for place, (name, variable) in enumerate(variables.items())
    }

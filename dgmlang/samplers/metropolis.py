"""Metropolis sweeps over variables of any kind, one chain.

Proposals are symmetric: a site of a finite variable to another of its levels, a count one up or
down, and all entries of a continuous variable by a Gaussian step on the reals, u + l z. For every
variable a sweep makes as many proposals as it has finite sites, at sites drawn at random, or one.

Source: Metropolis et al. 1953; Hastings 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.objective import Values
from dgmlang.objectives.variables import shape_of
from dgmlang.samplers.adjusted import metropolis
from dgmlang.samplers.charts import chart, log_volume

LogDensity = Callable[[Values], Array]
"""Values → log p up to a constant."""

ONE, MANY = 0.44, 0.234
"""The best acceptances of one and of many reals moved at once (Roberts & Rosenthal 2001)."""


class At(NamedTuple):
    """Where a chain is: its values, and their log density."""

    values: Values
    log_density: Array


def sweep(
    log_density: LogDensity,
    variables: Mapping[str, Variable],
    key: Array,
    at: At,
    log_steps: Mapping[str, Array],
) -> tuple[At, dict[str, Array]]:
    """Every variable in turn; the state, and by variable how often a proposal was accepted.

    Args:
        log_density: Of all values.
        variables: What moves.
        key: The source of the proposals.
        at: The state before.
        log_steps: log l of each continuous variable.
    """
    rates: dict[str, Array] = {}
    for place, (name, variable) in enumerate(variables.items()):
        own = jax.random.fold_in(key, place)
        if variable.type.kind.space == "continuous":
            at, rates[name] = _reals(log_density, variable, own, at, jnp.exp(log_steps[name]))
        else:
            at, rates[name] = _sites(log_density, variable, own, at)
    return at, rates


def aim(variable: Variable) -> float:
    """The acceptance that a continuous variable's step is adapted to."""
    return ONE if chart(variable.type.kind).inverse_shape(shape_of(variable)) == () else MANY


def _reals(
    log_density: LogDensity, variable: Variable, key: Array, at: At, step: Array
) -> tuple[At, Array]:
    onto, name = chart(variable.type.kind), variable.name
    first, second = jax.random.split(key)
    old = jnp.asarray(onto.inv(at.values[name]))
    new = old + step * jax.random.normal(first, old.shape, old.dtype)
    value = jnp.asarray(onto(new))
    values = {**at.values, name: value}
    moved = At(values, log_density(values))
    ratio = moved.log_density - at.log_density
    ratio += log_volume(onto, new, value) - log_volume(onto, old, at.values[name])
    return metropolis(second, ratio, moved, at)


def _sites(log_density: LogDensity, variable: Variable, key: Array, at: At) -> tuple[At, Array]:
    size = at.values[variable.name].size
    propose = partial(other, variable.type.kind)

    def one(i: Array, carried: tuple[At, Array]) -> tuple[At, Array]:
        at, total = carried
        first, second, third = jax.random.split(jax.random.fold_in(key, i), 3)
        flat = at.values[variable.name].reshape(-1)
        site = jax.random.randint(first, (), 0, size)
        value, inside = propose(second, flat[site])
        changed = flat.at[site].set(value).reshape(at.values[variable.name].shape)
        values = {**at.values, variable.name: changed}
        moved = At(values, log_density(values))
        ratio = jnp.where(inside, moved.log_density - at.log_density, -jnp.inf)
        at, rate = metropolis(third, ratio, moved, at)
        return at, total + rate

    zero = jnp.zeros_like(at.log_density)
    at, total = jax.lax.fori_loop(0, size, one, (at, zero))
    return at, total / size


def other(kind: Kind, key: Array, value: Array) -> tuple[Array, Array | bool]:
    """Another value, with the same chance back, and whether it is in the (discrete) kind."""
    if kind.levels is None:
        new = value + jax.random.rademacher(key, (), value.dtype)
        return new, new >= 0
    values = choices(kind)
    low, gap, count = values[0], values[1] - values[0], len(values)
    place = ((value - low) / gap).astype(jnp.int32)
    place = (place + jax.random.randint(key, (), 1, count)) % count
    return (low + gap * place).astype(value.dtype), True

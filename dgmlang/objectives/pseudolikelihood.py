"""Pseudolikelihood: every site given all the others."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.gibbs import Density, level_densities
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.batch import keyed
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.objectives.variables import data_names, only
from dgmlang.registry import implements
from dgmlang.samplers.sweeps import covered, energy_variables


@implements("objective", "pseudolikelihood")
def pseudolikelihood(lowered: Lowered) -> Objective:
    """−Σᵢ log p(xᵢ | the others), in which no normaliser is left.

    Consistent where the model holds the truth, and not a likelihood: it weighs what neighbours say
    too much where sites are strongly coupled. Where the energy is of degree one in each bit or spin
    and no latent is removed, all conditionals come from one gradient; else from the density at each
    level of each site, as many densities an example as there are sites and levels.

    Source: Besag 1975; consistency: Hyvärinen 2006.
    """
    site_terms = by_gradient if _linear(lowered) else by_differences

    def one(params: Params, _: Array, values: Values) -> Array:
        density = partial(lowered.log_prob, params)
        return -sum(site_terms(lowered, density, values).values(), jnp.zeros(()))

    def each(params: Params, values: Values, key: Array) -> Array:
        return keyed(one)(params, key, values)

    quantity = "negative log pseudolikelihood, not a likelihood"
    return averaged(lowered, "pseudolikelihood", quantity, each)


def by_gradient(lowered: Lowered, density: Density, values: Values) -> Values:
    """Σ log p(site | the others) of each variable, the density of degree one in each of its sites.

    The log-odds of the upper value are the derivative times the gap between the two values.
    """
    data = only(values, data_names(lowered))
    slopes = jax.grad(lambda moved: density({**values, **moved}))(data)
    found: Values = {}
    for name, slope in slopes.items():
        low, high = choices(lowered.program.variables[name].type.kind)
        towards = jnp.where(data[name] > low, 1.0, -1.0)
        found[name] = jnp.sum(jax.nn.log_sigmoid(towards * (high - low) * slope))
    return found


def by_differences(lowered: Lowered, density: Density, values: Values) -> Values:
    """The same of any density of finite sites."""
    names = data_names(lowered)
    found: Values = {}
    for name, table in level_densities(lowered.built, density, values, names).items():
        levels = jnp.asarray(choices(lowered.program.variables[name].type.kind))
        chosen = values[name][..., None] == levels.reshape((1,) * values[name].ndim + (-1,))
        found[name] = jnp.sum(jnp.where(chosen, jax.nn.log_softmax(table, axis=-1), 0.0))
    return found


def _linear(lowered: Lowered) -> bool:
    """Whether the derivative in each site is a difference of log densities."""
    rules = {block.rule for block in lowered.blocks}
    numbers = all(v.type.kind.two_valued for v in energy_variables(lowered).values())
    return covered(lowered) and rules == {"multilinear"} and numbers and not lowered.facts.removed

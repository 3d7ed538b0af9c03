"""What a chain of continuous variables moves: the free ones laid flat, the rest held fixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import only, shape_of
from dgmlang.samplers.adjusted import LogDensity


@dataclass(frozen=True, eq=False)
class Target:
    """The conditional law of the data that are not given, known up to a constant.

    Attributes:
        lowered: The model; latents that are given stay in its density.
        free: The data that are not given, in the order of declaration.
    """

    lowered: Lowered
    free: tuple[Variable, ...]

    @property
    def size(self) -> int:
        """How many reals one state has."""
        return sum(v.size for v in jax.tree.leaves(self._like(jnp.float32)))

    def flat(self, values: Values) -> Array:
        """The free variables of one example laid end to end."""
        return ravel_pytree(only(values, tuple(v.name for v in self.free)))[0]

    def unflat(self, x: Array) -> Values:
        """The free variables, from their values laid end to end."""
        return ravel_pytree(self._like(x.dtype))[1](x)

    def log_density(self, params: Params, given: Values) -> LogDensity:
        """Log p(free | given) up to a constant, of a flat state."""
        return lambda x: self.lowered.log_prob(params, {**given, **self.unflat(x)})

    def _like(self, kind: jnp.dtype) -> Values:
        return {v.name: jnp.zeros(shape_of(v), kind) for v in self.free}


def target(lowered: Lowered, given: Values) -> Target:
    """What is left to be drawn where these variables are given."""
    free = tuple(v for v in moved(lowered) if v.name not in given)
    return Target(holding(lowered, given), free)


def moved(lowered: Lowered) -> tuple[Variable, ...]:
    """The data that a chain moves: those that it does not sum out."""
    summed = {r.variable for r in lowered.facts.in_chains}
    return tuple(v for v in lowered.program.having("data") if v.name not in summed)


def completed(lowered: Lowered, params: Params, keys: Array, ends: Values, given: Values) -> Values:
    """The last states of chains with the data that they summed out, drawn given the others."""
    names = [r.variable for r in lowered.facts.in_chains if r.variable not in ends]
    if not names:
        return ends
    held = holding(lowered, given)

    def one(key: Array, values: Values) -> Values:
        every, log_weights = held.responsibilities(params, values)
        chosen = jax.random.categorical(key, log_weights)
        return {name: every[name][chosen] for name in names}

    return {**ends, **jax.vmap(one)(keys, ends)}


def holding(lowered: Lowered, given: Values) -> Lowered:
    """The model as chains see it, with nothing removed from its density that is given a value."""
    lowered = lowered.chained
    facts = lowered.facts
    left = tuple(r for r in facts.removed if r.variable not in given)
    if len(left) == len(facts.removed):
        return lowered
    return Lowered(replace(lowered.built, facts=replace(facts, removed=left)))

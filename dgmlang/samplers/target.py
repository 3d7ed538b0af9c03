"""What a chain of continuous variables moves: the free ones laid flat, the rest held fixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from numpyro.distributions.transforms import Transform

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import shape_of
from dgmlang.samplers.adjusted import LogDensity
from dgmlang.samplers.charts import chart, log_volume


@dataclass(frozen=True, eq=False)
class Target:
    """The conditional law of the data that are not given, known up to a constant.

    Its states are reals laid flat, which `charts` map onto the variables' kinds.

    Attributes:
        lowered: The model; latents that are given stay in its density.
        charts: Of the data that are not given, in the order of declaration.
    """

    lowered: Lowered
    charts: dict[str, Transform]

    @property
    def size(self) -> int:
        """How many reals one state has."""
        return sum(u.size for u in self._like(jnp.dtype(jnp.float32)).values())

    def flat(self, values: Values) -> Array:
        """The reals of one example's free variables."""
        return ravel_pytree({n: of.inv(values[n]) for n, of in self.charts.items()})[0]

    def unflat(self, x: Array) -> Values:
        """The free variables at a state."""
        return {n: jnp.asarray(self.charts[n](u)) for n, u in self._apart(x).items()}

    def log_density(self, params: Params, given: Values) -> LogDensity:
        """Log p(free | given) up to a constant, as a density of the reals."""

        def density(x: Array) -> Array:
            reals = self._apart(x)
            values = {name: jnp.asarray(self.charts[name](u)) for name, u in reals.items()}
            log_p = self.lowered.log_prob(params, {**given, **values})
            for name, u in reals.items():
                log_p = log_p + log_volume(self.charts[name], u, values[name])
            return log_p

        return density

    def _apart(self, x: Array) -> Values:
        return ravel_pytree(self._like(x.dtype))[1](x)

    def _like(self, kind: jnp.dtype) -> Values:
        variables = self.lowered.program.variables
        shapes = {n: of.inverse_shape(shape_of(variables[n])) for n, of in self.charts.items()}
        return {name: jnp.zeros(shape, kind) for name, shape in shapes.items()}


def target(lowered: Lowered, given: Values) -> Target:
    """What is left to be drawn where these variables are given."""
    free = (v for v in moved(lowered) if v.name not in given)
    return Target(holding(lowered.chained, given), {v.name: chart(v.type.kind) for v in free})


def moved(lowered: Lowered) -> tuple[Variable, ...]:
    """The data that a chain of reals moves: those that it does not sum out."""
    summed = {r.variable for r in lowered.facts.in_chains}
    return tuple(v for v in lowered.program.having("data") if v.name not in summed)


def completed(
    lowered: Lowered, params: Params, key: Array, values: Values, given: Values
) -> Values:
    """States [n, …] of chains with the data that they summed out, drawn given the others."""
    names = [r.variable for r in lowered.facts.in_chains if r.variable not in values]
    if not names:
        return values
    held = holding(lowered.chained, given)

    def one(key: Array, values: Values) -> Values:
        every, log_weights = held.responsibilities(params, values)
        chosen = jax.random.categorical(key, log_weights)
        return {name: every[name][chosen] for name in names}

    n = next(iter(values.values())).shape[0]
    return {**values, **jax.vmap(one)(jax.random.split(key, n), values)}


def holding(lowered: Lowered, given: Values) -> Lowered:
    """The same model, with nothing removed from its density that is given a value.

    Leaves go entry by entry, so that they may be given in part.
    """
    facts = lowered.facts
    left = tuple(r for r in facts.removed if r.variable not in given or r.rule == "leaf")
    if len(left) == len(facts.removed):
        return lowered
    return Lowered(replace(lowered.built, facts=replace(facts, removed=left)))

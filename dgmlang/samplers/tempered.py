"""Transitions at inverse temperatures: what annealing, tempering and AIS move by.

At inverse temperature β a transition leaves p(x)^β invariant, up to its normaliser. Where every
site has a Gibbs block it is a sweep of the blocks over the joint density of data and latents;
elsewhere a Metropolis sweep over the data, removable latents removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.metropolis import At, aim, sweep
from dgmlang.samplers.sweeps import covered, energy_variables, latents_first
from dgmlang.samplers.target import holding

Density = Callable[[Values], Array]
"""The log density of one state's values."""


@dataclass(frozen=True, eq=False)
class Tempered:
    """The transitions of one model where some variables are held.

    Attributes:
        lowered: The model.
        blocks: Whether transitions are Gibbs sweeps.
        variables: What a state holds, the givens that are variables of the energy among it.
        fixed: The names that do not move.
    """

    lowered: Lowered
    blocks: bool
    variables: dict[str, Variable]
    fixed: frozenset[str]

    @property
    def free(self) -> dict[str, Variable]:
        """What moves."""
        return {name: v for name, v in self.variables.items() if name not in self.fixed}

    @property
    def continuous(self) -> tuple[str, ...]:
        """The names of those variables that move by steps of a size."""
        if self.blocks:
            return ()
        return tuple(n for n, v in self.free.items() if v.type.kind.space == "continuous")

    def log_density(self, params: Params) -> Density:
        """Log p of a state up to a constant, at β = 1."""
        if self.blocks:
            return lambda values: -self.lowered.energy(params, values)
        return partial(self.lowered.log_prob, params)

    def move(
        self, density: Density, params: Params, key: Array, values: Values, log_steps: Values
    ) -> tuple[Values, dict[str, Array]]:
        """One transition that leaves a density invariant; acceptances of the continuous variables.

        The density may be a power of the model's, times one that is affine in the logs of finite
        sites and quadratic in reals: blocks keep their conditionals' form.
        """
        if not self.blocks:
            at, rates = sweep(density, self.free, key, At(values, density(values)), log_steps)
            return at.values, {name: rates[name] for name in log_steps}
        kept = {name: values[name] for name in self.fixed}
        for place, block in enumerate(latents_first(self.lowered)):
            if not self.fixed.issuperset(block.variables):
                own = jax.random.fold_in(key, place)
                values = self.lowered.update(params, own, values, block, density) | kept
        return values, {}


def tempered(lowered: Lowered, given: Values) -> Tempered:
    """The transitions where these variables are given."""
    if covered(lowered):
        return Tempered(lowered, True, energy_variables(lowered), frozenset(given))
    data = {v.name: v for v in lowered.program.having("data")}
    return Tempered(holding(lowered, given), False, data, frozenset(given))


def adapted(moves: Tempered, log_steps: Values, rates: Values, gain: Array) -> Values:
    """Log steps after acceptances, each with the shape of what it is kept for."""
    variables = moves.variables
    return {
        name: old + gain * (rates[name] - aim(variables[name])) for name, old in log_steps.items()
    }


def ladder(levels: int, hottest: float) -> Array:
    """Inverse temperatures, geometric from 1 to 1/hottest."""
    return jnp.geomspace(1.0, 1.0 / hottest, levels)

"""Transitions at inverse temperatures: what annealing, tempering and AIS move by.

At inverse temperature β a transition leaves p(x)^β q(x)^(1−β) invariant, up to its normaliser,
where q is a base law or 1. Where every site has a Gibbs block it is a sweep of the blocks over the
joint density of data and latents, all chains on the last axis and grids by their classes; elsewhere
a Metropolis sweep over the data, removable latents removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower import gibbs
from dgmlang.compiler.lower.by_class import whole
from dgmlang.compiler.lower.gibbs import Density
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.batch import along
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.metropolis import At, aim, sweep
from dgmlang.samplers.sweeps import covered, energy_variables, latents_first
from dgmlang.samplers.target import holding

Standing = Any
"""Many chains as the transitions keep them."""


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

    def standing(self, values: Values) -> Standing:
        """Chains at these values [n, …]."""
        if not self.blocks:
            return values
        return self.lowered.packed(jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), values))

    def values(self, chains: Standing) -> Values:
        """Where chains stand, [n, …]."""
        if not self.blocks:
            return chains
        return jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), whole(chains))

    def count(self, chains: Standing) -> int:
        """How many there are."""
        return jax.tree.leaves(chains)[0].shape[-1 if self.blocks else 0]

    def chosen(self, chains: Standing, rows: Array) -> Standing:
        """The chains of these numbers."""
        return jax.tree.map(lambda x: jnp.take(x, rows, -1 if self.blocks else 0), chains)

    def where(self, chosen: Array, new: Standing, old: Standing) -> Standing:
        """Chains at the new states where they are chosen [n], else at the old ones."""
        if self.blocks:
            return jax.tree.map(lambda a, b: jnp.where(chosen, a, b), new, old)
        return jax.tree.map(lambda a, b: jnp.where(along(chosen, a), a, b), new, old)

    def log_densities(self, params: Params, chains: Standing) -> Array:
        """Log p of each chain, [n]."""
        if not self.blocks:
            return jax.vmap(self.log_density(params))(chains)
        return jax.vmap(self.log_density(params), in_axes=-1)(whole(chains))

    def move(
        self,
        params: Params,
        key: Array,
        chains: Standing,
        law: gibbs.Tempered,
        log_steps: Values,
    ) -> tuple[Standing, dict[str, Array]]:
        """One transition of every chain, and acceptances [n] of the continuous variables.

        β and log steps are one for all chains, or of each [n].
        """
        if not self.blocks:
            return self._steps(params, key, chains, law, log_steps)
        kept = {name: chains[name] for name in self.fixed}
        for place, block in enumerate(latents_first(self.lowered)):
            if not self.fixed.issuperset(block.variables):
                own = jax.random.fold_in(key, place)
                chains = self.lowered.update_chains(params, own, chains, block, law) | kept
        return chains, {}

    def _steps(
        self, params: Params, key: Array, chains: Values, law: gibbs.Tempered, log_steps: Values
    ) -> tuple[Values, dict[str, Array]]:
        def one(
            key: Array, values: Values, law: gibbs.Tempered, log_steps: Values
        ) -> tuple[Values, dict[str, Array]]:
            density = law.of(self.log_density(params))
            at, rates = sweep(density, self.free, key, At(values, density(values)), log_steps)
            return at.values, {name: rates[name] for name in log_steps}

        apart = jax.tree.map(lambda x: 0 if jnp.ndim(x) else None, (law, log_steps))
        each = jax.vmap(one, in_axes=(0, 0, *apart))
        return each(jax.random.split(key, self.count(chains)), chains, law, log_steps)


def tempered(lowered: Lowered, given: Values) -> Tempered:
    """The transitions where these variables are given."""
    if covered(lowered):
        return Tempered(lowered, True, energy_variables(lowered), frozenset(given))
    data = {v.name: v for v in lowered.program.having("data")}
    return Tempered(holding(lowered, given), False, data, frozenset(given))


def adapted(moves: Tempered, log_steps: Values, rates: Values, gain: Array) -> Values:
    """Log steps after mean acceptances, each with the shape of what it is kept for."""
    variables = moves.variables
    return {
        name: old + gain * (rates[name] - aim(variables[name])) for name, old in log_steps.items()
    }


def ladder(levels: int, hottest: float) -> Array:
    """Inverse temperatures, geometric from 1 to 1/hottest."""
    return jnp.geomspace(1.0, 1.0 / hottest, levels)

"""Chains whose state is the variables' values and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.initial import chain_variables
from dgmlang.samplers.sampler import AbstractChain, Statistic
from dgmlang.samplers.sweeps import Move


class AbstractSwept(AbstractChain):
    """Chains that stand on the last axis while they move.

    For lattices and small blocks neighbouring memory is then that of neighbouring chains, which is
    nearly twice as fast.
    """

    @abstractmethod
    def variables(self) -> dict[str, Variable]:
        """What a chain holds."""

    @abstractmethod
    def moves(self, given: Values) -> Move:
        """One transition of all chains, on the last axis of each array."""

    def start(self, params: Params, key: Array, n: int, given: Values) -> Values:
        return jax.tree.map(
            lambda x: jnp.moveaxis(x, 0, -1), begin(self.variables(), key, n, given)
        )

    def move(self, params: Params, key: Array, i: Array, state: Values, given: Values) -> Values:
        return self.moves(given)(params, key, state)

    def values(self, state: Values, given: Values) -> Values:
        return jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), state)

    def recorded(self, statistic: Statistic, state: Values, given: Values) -> Any:
        return jax.vmap(statistic, in_axes=-1)(state)


def begin(variables: dict[str, Variable], key: Array, n: int, given: Values) -> Values:
    """Noise for each variable that is not given, and the givens: n states."""
    free = {name: variable for name, variable in variables.items() if name not in given}
    noise = jax.vmap(lambda key: chain_variables(free, key))(jax.random.split(key, n))
    return {**noise, **given}

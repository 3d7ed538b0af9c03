"""What a sampler is to the people who draw with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values

Info = dict[str, Array]
"""Scalars about the run, by name: acceptance, step size, evaluations."""

Statistic = Callable[[Values], Any]
"""What is recorded of a state, after each sweep."""


class AbstractSampler(ABC):
    """Draws from a lowered model.

    Attributes:
        lowered: The model.
    """

    lowered: Lowered

    @property
    def note(self) -> str:
        """What is wrong with the draws, for people; "" where they are exact in law."""
        return ""

    def draw(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        """Independent draws [n, …], one a chain; compiled once for each n.

        Args:
            params: The model's parameters.
            key: The source of all randomness.
            n: How many draws.
            given: Givens, and variables to hold fixed, each with a leading axis of n.

        Returns:
            Arrays with a leading axis of n by variable name, and facts about the run.
        """
        return self._compiled(params, key, n, given)

    @partial(jax.jit, static_argnums=(0, 3))
    def _compiled(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        return self.batch(params, jax.random.split(key, n), given)

    @abstractmethod
    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        """One draw for each key."""


class AbstractChain(AbstractSampler):
    """A sampler whose draws are the last states of Markov chains."""

    def run(
        self,
        params: Params,
        key: Array,
        chains: int,
        sweeps: int,
        given: Values,
        statistic: Statistic,
    ) -> Any:
        """A statistic of the state after each of `sweeps` transitions, [chains, sweeps, …].

        The chains burn in first, as they do for `draw`. Keep `statistic` one object: another one
        compiles anew. `numpyro.diagnostics` turns the result into effective sample sizes and R-hat.
        """
        return self._traced(params, key, chains, sweeps, given, statistic)

    @partial(jax.jit, static_argnums=(0, 3, 4, 6))
    def _traced(
        self,
        params: Params,
        key: Array,
        chains: int,
        sweeps: int,
        given: Values,
        statistic: Statistic,
    ) -> Any:
        return self.trace(params, jax.random.split(key, chains), sweeps, given, statistic)

    @abstractmethod
    def trace(
        self, params: Params, keys: Array, sweeps: int, given: Values, statistic: Statistic
    ) -> Any:
        """`run` with one key a chain."""

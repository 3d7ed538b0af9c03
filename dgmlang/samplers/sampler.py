"""What a sampler is to the people who draw with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.target import completed

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

    def told(self, info: Info) -> str:
        """The note on draws that went as `info` says."""
        return self.note

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
        return self.drawn(params, key, n, given)

    @abstractmethod
    def drawn(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        """`draw`, inside of a trace."""


class AbstractDirect(AbstractSampler):
    """A sampler whose draws know nothing of each other: one key a draw."""

    def drawn(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        return self.batch(params, jax.random.split(key, n), given)

    @abstractmethod
    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        """One draw for each key."""


class AbstractChain(AbstractSampler):
    """A sampler whose draws are the last states of Markov chains, all of which move together.

    A state is a tree of the sampler's own; all of them hold n chains.
    """

    @property
    def note(self) -> str:
        return "Markov chain, exact as the number of steps grows"

    @property
    @abstractmethod
    def total(self) -> int:
        """Transitions before a state counts as a draw, those of the warm-up among them."""

    @property
    def kept(self) -> int:
        """How many of them, the last ones, say whether the chains have mixed."""
        return self.total // 2

    @property
    def lengthened_by(self) -> str:
        """The setting that makes chains longer."""
        return "steps"

    @abstractmethod
    def start(self, params: Params, key: Array, n: int, given: Values) -> Any:
        """The n chains before their first transition."""

    @abstractmethod
    def move(self, params: Params, key: Array, i: Array, state: Any, given: Values) -> Any:
        """Transition number i of every chain."""

    @abstractmethod
    def values(self, state: Any, given: Values) -> Values:
        """What the chains stand at, [n, …], and the givens."""

    def facts(self, state: Any) -> Info:
        """Scalars about the transitions so far."""
        return {}

    def recorded(self, statistic: Statistic, state: Any, given: Values) -> Any:
        """A statistic of every chain's state, [n, …]."""
        return jax.vmap(statistic)(self.values(state, given))

    def completed(self, params: Params, key: Array, state: Any, given: Values) -> Values:
        """The states' values, with the data that chains sum out drawn given the others."""
        return completed(self.lowered, params, key, self.values(state, given), given)

    def drawn(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        state = self._settled(params, key, n, given)
        last = jax.random.fold_in(key, self.total)
        return self.completed(params, last, state, given), self.facts(state)

    def _settled(self, params: Params, key: Array, n: int, given: Values) -> Any:
        first, second, _ = jax.random.split(key, 3)
        state = self.start(params, first, n, given)

        def one(i: Array, state: Any) -> Any:
            return self.move(params, jax.random.fold_in(second, i), i, state, given)

        return jax.lax.fori_loop(0, self.total, one, state)

    def run(
        self,
        params: Params,
        key: Array,
        chains: int,
        sweeps: int,
        given: Values,
        statistic: Statistic,
        thin: int = 1,
    ) -> Any:
        """A statistic of the state after every `thin` transitions, `sweeps` times.

        The chains burn in first, as they do for `draw`. Keep `statistic` one object: another one
        compiles anew.

        Returns:
            Arrays [chains, sweeps, …], in the tree that `statistic` returns.
        """
        return self.traced(params, key, chains, sweeps, given, statistic, thin)[0]

    @partial(jax.jit, static_argnums=(0, 3, 4, 6, 7))
    def traced(
        self,
        params: Params,
        key: Array,
        chains: int,
        sweeps: int,
        given: Values,
        statistic: Statistic,
        thin: int = 1,
    ) -> tuple[Any, Info]:
        """What `run` returns, and facts about all transitions."""
        third = jax.random.split(key, 3)[2]
        state = self._settled(params, key, chains, given)

        def one(state: Any, number: Array) -> tuple[Any, Any]:
            def inner(j: Array, state: Any) -> Any:
                i = number * thin + j
                own = jax.random.fold_in(third, i)
                return self.move(params, own, i + self.total, state, given)

            state = jax.lax.fori_loop(0, thin, inner, state)
            return state, self.recorded(statistic, state, given)

        last, found = jax.lax.scan(one, state, jnp.arange(sweeps))
        return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), found), self.facts(last)


class AbstractWarmed(AbstractChain):
    """Chains that adapt how they move in a warm-up, and are left as they are after it.

    Attributes:
        warmup: Transitions in which they adapt.
        steps: Transitions after those.
    """

    warmup: int
    steps: int

    @property
    def total(self) -> int:
        return self.warmup + self.steps

    @property
    def kept(self) -> int:
        return min(self.total // 2, self.steps)

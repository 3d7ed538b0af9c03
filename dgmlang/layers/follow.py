"""A causal net read entry by entry: what a direction costs whose entries are not known beforehand.

A full pass an entry is always right. Layers do better: one whose entries see only those before
them offers `Followable`, one along a sequence `Steppable`; each keeps what the entries so far have
left behind (sums, a state, keys and values), and a new entry costs what it alone adds. One scan
(`along`) runs them, for flows against their way and for draws of `x ~ D(f(past(x)))`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Layer, Params, Shape

State = Any
"""Arrays that a scan carries."""

Heads = Sequence[tuple[Any, Params]]
"""The maps from a layer's features to its outputs, each with its parameters."""


class Followed(NamedTuple):
    """A causal net as a walk over its entries.

    Attributes:
        start: The state before the first entry.
        steps: What each step needs, arrays with the entries as their first axis.
        read: (state, step) → (the entry's outputs, state).
        add: (state, step, the entry) → state.
    """

    start: State
    steps: Any
    read: Callable[[State, Any], tuple[Any, State]]
    add: Callable[[State, Any, Array], State]


@runtime_checkable
class Followable(Protocol):
    """A strictly causal layer of a vector with `heads` of its own, read entry by entry."""

    def follow(self, params: Params, heads: Heads, **inputs: Array) -> Followed:
        """The layer with its heads as a walk; its outputs are a row [numbers] for each head."""
        ...


class Stepped(NamedTuple):
    """A layer along a sequence, row by row: each row in, one row out.

    Attributes:
        start: The state before the first row.
        steps: What each step needs, arrays with the rows as their first axis.
        turn: (state, step, row) → (row, state).
    """

    start: State
    steps: Any
    turn: Callable[[State, Any, Array], tuple[Array, State]]


@runtime_checkable
class Steppable(Protocol):
    """A layer along a sequence whose row t sees rows up to t, for less than a pass each."""

    def stepped(self, params: Params, **inputs: Array) -> Stepped | None:
        """The layer row by row; None where it sees later rows."""
        ...


def by_passes(net: Callable[[Array], Array], blank: Array) -> Followed:
    """Any causal net x [n] → [n, numbers]: a pass an entry over those so far, 0 behind them."""

    def read(x: Array, place: Array) -> tuple[Array, Array]:
        return net(x)[place], x

    def add(x: Array, place: Array, entry: Array) -> Array:
        return x.at[place].set(entry)

    return Followed(blank, jnp.arange(blank.shape[0]), read, add)


def along(
    walk: Followed, step: Callable[[Any, Any], tuple[Array, Array]], values: Any
) -> tuple[Array, Array]:
    """Each of the values [n, …] made an entry by `step`, given the net's outputs for it.

    `step`: (outputs, value) → (entry, number). Returns the entries and Σ of the numbers.
    """

    def one(state: State, row: tuple[Any, Any]) -> tuple[State, tuple[Array, Array]]:
        here, value = row
        output, state = walk.read(state, here)
        entry, number = step(output, value)
        return walk.add(state, here, entry), (entry, number)

    _, (entries, numbers) = jax.lax.scan(one, walk.start, (walk.steps, values))
    return entries, jnp.sum(numbers)


@dataclass(frozen=True)
class AtZero:
    """A layer with first parameters of 0, so that what it feeds starts at its rest."""

    layer: Layer

    @property
    def target(self) -> Shape:
        return self.layer.target

    def init(self, rng: np.random.Generator) -> Params:
        return jax.tree.map(np.zeros_like, self.layer.init(rng))

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        return self.layer(params, x, **inputs)

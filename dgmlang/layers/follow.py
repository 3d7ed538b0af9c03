"""A causal net read entry by entry: what a direction costs whose entries are not known beforehand.

A full pass an entry is always right. A layer that offers `Followable` does better: it keeps what
the entries so far have added up to, and each new one adds its own share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.layer import Layer, Params, Shape

State = Any
"""Arrays that a scan carries."""


class Followed(NamedTuple):
    """A causal net as a walk over its entries; the entries' outputs are rows [numbers].

    Attributes:
        start: The state before the first entry.
        steps: What each step needs, arrays with the entries as their first axis.
        read: (state, step) → (the entry's output, state).
        add: (state, step, the entry) → state.
    """

    start: State
    steps: Any
    read: Callable[[State, Any], tuple[Array, State]]
    add: Callable[[State, Any, Array], State]


@runtime_checkable
class Followable(Protocol):
    """A causal layer that can be read entry by entry, for less than a pass each."""

    def follow(self, params: Params, head: Any, head_params: Params, **inputs: Array) -> Followed:
        """The layer with its own `head` as a walk."""
        ...


def by_passes(net: Callable[[Array], Array], blank: Array) -> Followed:
    """Any causal net x [n] → [n, numbers]: a pass an entry over those so far, 0 behind them."""

    def read(x: Array, place: Array) -> tuple[Array, Array]:
        return net(x)[place], x

    def add(x: Array, place: Array, entry: Array) -> Array:
        return x.at[place].set(entry)

    return Followed(blank, jnp.arange(blank.shape[0]), read, add)


def along(
    walk: Followed, step: Callable[[Array, Array], tuple[Array, Array]], values: Array
) -> tuple[Array, Array]:
    """Each of the values [n] made an entry by `step`, given the net's output for it.

    `step`: (output [numbers], value) → (entry, number). Returns the entries and Σ of the numbers.
    """

    def one(state: State, row: tuple[Any, Array]) -> tuple[State, tuple[Array, Array]]:
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

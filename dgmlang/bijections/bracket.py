"""The inverse of increasing functions, one an entry, from a bracket that is known to hold it.

Newton's step is taken where it stays inside the bracket and was as good as halving it, and the
bracket is halved where it was not. Each evaluation moves an end of the bracket, so there is always
an end to it: either f(y) agrees with x up to rounding, or no number lies between the ends.

Source: Press et al. 2007, Numerical Recipes, sec. 9.4 (`rtsafe`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

MOST = 200
"""How many steps are taken: halving alone needs some 30 in single precision, 60 in double."""

CLOSE = 4.0
"""How many units in the last place f(y) may be away from x, of numbers of about 1 + |x|; likewise
the ends from one another."""

Increasing = Callable[[Array], tuple[Array, Array]]
"""y → (f(y), f′(y)) entry by entry, f′ > 0."""


class State(NamedTuple):
    """Where a search is: the ends, the best guess between them, and f there."""

    taken: Array
    low: Array
    high: Array
    y: Array
    value: Array
    slope: Array


def between(function: Increasing, x: Array, low: Array, high: Array) -> Array:
    """The y of each entry at which f(y) = x, all of them in [low, high]; NaN where none was found.

    Gradients are those of the exact solution: dy = dx / f′(y).
    """

    def search(_: Callable[[Array], Array], start: Array) -> Array:
        return _search(function, x, low, high, start)

    def tangent(linear: Callable[[Array], Array], b: Array) -> Array:
        return b / linear(jnp.ones_like(b))

    low, high = lax.stop_gradient(low), lax.stop_gradient(high)
    return lax.custom_root(lambda y: function(y)[0] - x, low, search, tangent)


def _search(function: Increasing, x: Array, low: Array, high: Array, _: Array) -> Array:
    eps = float(jnp.finfo(x.dtype).eps)

    def settled(state: State) -> Array:
        close = jnp.abs(state.value - x) <= CLOSE * eps * (1 + jnp.abs(x))
        ends = jnp.maximum(jnp.abs(state.low), jnp.abs(state.high))
        return close | (state.high - state.low <= CLOSE * eps * ends)

    def going(state: State) -> Array:
        return (state.taken < MOST) & ~jnp.all(settled(state) | jnp.isnan(state.value))

    def step(state: State) -> State:
        middle = (state.low + state.high) / 2
        newton = state.y - (state.value - x) / state.slope
        inside = (newton > state.low) & (newton < state.high)
        # A Newton step that moves by more than half of the bracket gains less than halving does.
        good = inside & (jnp.abs(newton - state.y) <= (state.high - state.low) / 2)
        y = jnp.where(settled(state), state.y, jnp.where(good, newton, middle))
        return _evaluated(function, x, state.taken + 1, state.low, state.high, y)

    start = _evaluated(function, x, jnp.zeros((), jnp.int32), low, high, (low + high) / 2)
    last = lax.while_loop(going, step, start)
    return jnp.where(settled(last), last.y, jnp.nan)


def _evaluated(
    function: Increasing, x: Array, taken: Array, low: Array, high: Array, y: Array
) -> State:
    value, slope = function(y)
    low, high = jnp.where(value < x, y, low), jnp.where(value > x, y, high)
    return State(taken, low, high, y, value, slope)

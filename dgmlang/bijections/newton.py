"""The inverse of a function whose Jacobian is triangular, by steps along its diagonal.

    y ← y − α (f(y) − x) / diag f′(y),   α = 1, ½, ⅓ …, less by one part each `ROUND` steps

An entry depends on those before it and on itself, so the first settles by Newton's method alone,
the second once the first has, and so on; steps are far fewer than entries where an entry leans
little on the others. Where a slope changes fast, full steps may go back and forth for ever, and
shorter ones do not. That all have settled is looked at, never assumed.

Source: Song et al. 2019, MintNet, algorithm 1 and theorem 3, arXiv:1907.07945.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.scipy.linalg import solve_triangular

MOST = 500
"""How many steps are taken before what has not settled is given up."""

ROUND = 50
"""How many steps have one length."""

CLOSE = 1e3
"""How many units in the last place f(y) may be away from x, of numbers of about 1 + |x|."""

PATIENCE = 5
"""How many steps without gain end a search that is close."""

Diagonal = Callable[[Array], tuple[Array, Array]]
"""y → (f(y), the diagonal of its Jacobian), both of the shape of y."""


class State(NamedTuple):
    """Where a search is, and the least error so far with the number of steps since."""

    taken: Array
    y: Array
    least: Array
    stale: Array
    value: Array
    slopes: Array


def solved(function: Diagonal, x: Array) -> Array:
    """The y at which f(y) = x; NaN throughout where it was not found.

    Gradients are those of the exact solution, from the triangular equations that it satisfies; they
    take the Jacobian, n² numbers.
    """

    def search(_: Callable[[Array], Array], start: Array) -> Array:
        return _search(function, x, start)

    return lax.custom_root(lambda y: function(y)[0] - x, x, search, _tangent)


def _tangent(linear: Callable[[Array], Array], b: Array) -> Array:
    matrix = jax.jacobian(linear)(b).reshape(b.size, b.size)
    return solve_triangular(matrix, b.reshape(-1), lower=True).reshape(b.shape)


def _search(function: Diagonal, x: Array, start: Array) -> Array:
    eps = float(jnp.finfo(start.dtype).eps)

    def error(value: Array) -> Array:
        return jnp.max(jnp.abs(value - x) / (1 + jnp.abs(x)))

    def going(state: State) -> Array:
        now = error(state.value)
        done = (now <= eps) | ((now <= CLOSE * eps) & (state.stale >= PATIENCE))
        return (state.taken < MOST) & jnp.isfinite(now) & ~done

    def step(state: State) -> State:
        shorter = 1 + state.taken // ROUND
        y = state.y - (state.value - x) / (shorter * state.slopes)
        value, slopes = function(y)
        now = error(value)
        stale = jnp.where(now < state.least, 0, state.stale + 1)
        return State(state.taken + 1, y, jnp.minimum(now, state.least), stale, value, slopes)

    value, slopes = function(start)
    none = jnp.zeros((), jnp.int32)
    last = lax.while_loop(going, step, State(none, start, error(value), none, value, slopes))
    return jnp.where(error(last.value) <= CLOSE * eps, last.y, jnp.nan)

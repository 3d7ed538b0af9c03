"""Metropolis's correction, and one adjusted Langevin transition.

The proposal y ~ N(x + ε/2 ∇ log p(x), ε) is accepted with probability

    min(1, p(y) q(x | y) / (p(x) q(y | x))),

so that the law of density p, known up to a constant, is left invariant.

Source: Roberts & Tweedie 1996.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

TARGET = 0.574
"""The acceptance at which MALA is most efficient in high dimension (Roberts & Rosenthal 1998)."""

LogDensity = Callable[[Array], Array]
"""x [d] → log p(x) up to a constant."""

T = TypeVar("T")


class State(NamedTuple):
    """One chain: x [d] laid flat, its log density, and that density's gradient [d]."""

    x: Array
    log_density: Array
    gradient: Array


def evaluated(log_density: LogDensity, x: Array) -> State:
    """The state of a chain at x."""
    return State(x, *jax.value_and_grad(log_density)(x))


def metropolis(key: Array, log_ratio: Array, new: T, old: T) -> tuple[T, Array]:
    """The new state with probability min(1, exp(log_ratio)), else the old one; and that number."""
    # A proposal without a density (outside, or overflowing) is refused.
    log_ratio = jnp.where(jnp.isnan(log_ratio), -jnp.inf, log_ratio)
    accepted = jnp.log(jax.random.uniform(key, dtype=log_ratio.dtype)) < log_ratio
    kept = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), new, old)
    return kept, jnp.exp(jnp.minimum(log_ratio, 0.0))


def transition(
    log_density: LogDensity, key: Array, state: State, step: Array
) -> tuple[State, Array]:
    """One transition at step ε, and its probability of acceptance."""
    first, second = jax.random.split(key)
    noise = jax.random.normal(first, state.x.shape, state.x.dtype)
    proposal = state.x + 0.5 * step * state.gradient + jnp.sqrt(step) * noise
    new = evaluated(log_density, proposal)
    log_ratio = new.log_density - state.log_density
    log_ratio += _log_proposal(new, state, step) - _log_proposal(state, new, step)
    return metropolis(second, log_ratio, new, state)


def _log_proposal(origin: State, target: State, step: Array) -> Array:
    """The proposal log N(target; origin + ε/2 ∇, ε) up to a constant."""
    residual = target.x - origin.x - 0.5 * step * origin.gradient
    return -jnp.sum(residual**2) / (2.0 * step)

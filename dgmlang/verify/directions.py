"""Gradient estimators, compared along a few random directions of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import Instance
from dgmlang.verify.nodes import mean_and_error

DIRECTIONS = 8
ESTIMATES = 2**14
ERRORS = 5.0


@dataclass(frozen=True, eq=False)
class Estimates:
    """Independent estimates of a loss [n], and of its derivatives along directions [n, m]."""

    losses: Array
    slopes: Array


def directions(instance: Instance) -> Array:
    """Random directions [m, parameters] of length 1."""
    flat, _ = ravel_pytree(instance.params)
    drawn = jax.random.normal(instance.key("directions"), (DIRECTIONS, flat.size))
    return drawn / jnp.linalg.norm(drawn, axis=1)[:, None]


def along_directions(
    instance: Instance, objective: Objective, example: Values, count: int = ESTIMATES
) -> Estimates:
    """Estimates of an objective's loss at one example, and of the gradient it trains with."""
    flat, unflat = ravel_pytree(instance.params)
    batch = {name: value[None] for name, value in example.items()}
    state = objective.start(instance.key("state"), instance.params, batch)
    ways = directions(instance)

    def estimate(key: Array) -> tuple[Array, Array]:
        def loss(point: Array) -> Array:
            return objective.players[0].loss(unflat(point), state, batch, key)[0]

        value, slope = jax.value_and_grad(loss)(flat)
        return value, ways @ slope

    keys = jax.random.split(instance.key("estimates"), count)
    return Estimates(*jax.jit(lambda k: jax.lax.map(estimate, k, batch_size=64))(keys))


def held_along(
    name: str, found: Estimates, terms: Callable[[Params], Array], instance: Instance
) -> Finding:
    """The mean gradient of −loss, against the derivative of the mean of `terms`."""
    flat, unflat = ravel_pytree(instance.params)
    slope = jax.jit(lambda way: jax.jvp(lambda p: terms(unflat(p)), (flat,), (way,))[1])
    truth = jnp.stack([jnp.stack(mean_and_error(slope(way))) for way in directions(instance)])
    return unbiased(name, found, truth[:, 0], truth[:, 1])


def unbiased(name: str, found: Estimates, expected: Array, error: Array) -> Finding:
    """The mean of −slopes against what is expected of each, in standard errors."""
    mean, own = mean_and_error(-found.slopes)
    tiny = 1e-4 * (1.0 + jnp.abs(expected))
    scale = jnp.sqrt(own**2 + error**2 + tiny**2)
    return Finding(
        f"gradient of {name}", "has the right mean",
        f"{len(found.slopes):,} estimates along {len(expected)} directions",
        float(jnp.max(jnp.abs(mean - expected) / scale)), ERRORS,
        "the gradient half as large",
        float(jnp.max(jnp.abs(0.5 * mean - expected) / scale)),
    )  # fmt: skip

"""Wasserstein adversarial training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.adversary import Critic, contest, diversity, fakes, gradient_norms
from dgmlang.objectives.batch import along, size
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    State,
    Values,
)
from dgmlang.objectives.variables import data_names
from dgmlang.registry import implements


@implements("objective", "wgan")
def wgan(
    lowered: Lowered, *, penalty: float = 1.0, clip: float = 0.0, critic_steps: int = 5
) -> Objective:
    """Critic: mean c(x′) − mean c(x) + penalty · (‖∇c(x̂)‖ − 1)²; model: −mean c(x′).

    x̂ lies at a random place between a datum and a draw. With `clip` > 0 the critic's weights are
    held in [−clip, clip] instead. Neither makes the critic 1-Lipschitz; the mean gradient norm is
    reported. A large penalty blurs fine detail: 10 is usual for images, 0.1 to 1 for a few numbers.
    A critic step costs three passes of the critic and one of the model.

    Source: Arjovsky et al. 2017, arXiv 1701.07875; Gulrajani et al. 2017, arXiv 1704.00028.
    """
    critic = Critic(lowered)

    def bounded(params: Params) -> Params:
        return _clipped(params, critic.owns, clip) if clip else params

    def against(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        first, second = jax.random.split(key)
        params = bounded(params)
        drawn = jax.lax.stop_gradient(fakes(lowered, params, first, batch))
        real, fake = (critic(params, values) for values in (batch, drawn))
        distance = jnp.mean(real) - jnp.mean(fake)
        norms = gradient_norms(critic, params, between(lowered, second, batch, drawn))
        price = 0.0 if clip else penalty * jnp.mean((norms - 1.0) ** 2)
        metrics = {"distance": distance, "gradient_norm": jnp.mean(norms)}
        metrics["diversity"] = diversity(lowered, batch, drawn)
        return price - distance, (state, metrics)

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        fake = critic(bounded(params), fakes(lowered, params, key, batch))
        return -jnp.mean(fake), (state, {})

    return contest("wgan", critic, against, model, critic_steps)


def between(lowered: Lowered, key: Array, batch: Values, drawn: Values) -> Values:
    """The data variables at a uniform place on the line from each datum to its draw."""
    share = jax.random.uniform(key, (size(batch),))
    mixed = {
        name: batch[name] + along(share, batch[name]) * (drawn[name] - batch[name])
        for name in data_names(lowered)
    }
    return {**batch, **mixed}


def _clipped(params: Params, owned: Callable[[str], bool], clip: float) -> Params:
    """The parameters, those that the critic owns held in [−clip, clip]."""
    return {
        name: jax.tree.map(lambda w: held(w, clip), tree) if owned(name) else tree
        for name, tree in params.items()
    }


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def held(weight: Array, bound: float) -> Array:
    """The weight clipped to [−bound, bound].

    Its gradient is the clipped weight's, but 0 where a descent step would go further outside: the
    stored weight then never leaves by more than one step, and can always come back.
    """
    return jnp.clip(weight, -bound, bound)


def _held_forward(weight: Array, bound: float) -> tuple[Array, Array]:
    return jnp.clip(weight, -bound, bound), weight


def _held_backward(bound: float, weight: Array, slope: Array) -> tuple[Array]:
    outwards = ((weight >= bound) & (slope < 0)) | ((weight <= -bound) & (slope > 0))
    return (jnp.where(outwards, 0.0, slope),)


held.defvjp(_held_forward, _held_backward)

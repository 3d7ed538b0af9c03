"""Adversarial inference: a critic of data with their latents."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.adversary import Critic, contest, diversity, fakes
from dgmlang.objectives.batch import keyed
from dgmlang.objectives.gan import critic_loss
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    State,
    Values,
)
from dgmlang.registry import implements


@implements("objective", "bigan")
def bigan(lowered: Lowered, *, critic_steps: int = 1) -> Objective:
    """Critic: −log σ(c(x, ẑ)) − log σ(−c(x̂, z)), ẑ being the guide's and (x̂, z) the model's draws.

    Model and guide: −log σ(−c(x, ẑ)) − log σ(c(x̂, z)). At the optimum both joint laws are one, so
    that a guide which computes its latent is the inverse of the model. No loss here is a
    likelihood. A step costs a draw of the model and of the guide for each player.

    Source: Donahue et al. 2017, arXiv 1605.09782, eq. 2; the players' loss: section 3.4.
    """
    critic = Critic(lowered)

    def values_of(params: Params, batch: Values, key: Array) -> tuple[Array, Array, Values]:
        """The critic's values [n] of data with the guide's latents, and of draws; the draws."""
        to_guide, to_model = jax.random.split(key)
        latents, _ = keyed(lowered.guide_draw)(params, to_guide, batch)
        drawn = fakes(lowered, params, to_model, batch)
        return critic(params, {**batch, **latents}), critic(params, drawn), drawn

    def against(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        real, fake, drawn = values_of(params, batch, key)
        accuracy = 0.5 * (jnp.mean(real > 0) + jnp.mean(fake < 0))
        metrics = {"accuracy": accuracy, "diversity": diversity(lowered, batch, drawn)}
        return critic_loss(real, fake), (state, metrics)

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        real, fake, _ = values_of(params, batch, key)
        return critic_loss(fake, real), (state, {})

    return contest("bigan", critic, against, model, critic_steps)

"""Generative adversarial training."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.adversary import Critic, contest, fakes, gradient_norms
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    State,
    Values,
)
from dgmlang.registry import implements

LOSSES = ("nonsaturating", "minimax")


@implements("objective", "gan")
def gan(
    lowered: Lowered,
    *,
    loss: str = "nonsaturating",
    critic_steps: int = 1,
    penalty: float = 0.1,
) -> Objective:
    """Critic: −log σ(c(x)) − log σ(−c(x′)) + ½ penalty (‖∇c(x)‖² + ‖∇c(x′)‖²).

    Model: −log σ(c(x′)), x′ being its draws. The penalty lets the two players settle where draws
    and data agree; without it they circle, and modes come and go. With penalty 0 the best critic's
    loss is 2 ln 2 less twice the Jensen–Shannon divergence. `minimax` trains the model on
    log σ(−c(x′)), whose gradient vanishes where the critic wins. No loss here is a likelihood, and
    none says whether modes are missing. The penalty costs two more passes of the critic.

    Source: Goodfellow et al. 2014, arXiv 1406.2661; penalties R₁ and R₂: Mescheder et al. 2018,
    section 4.1, arXiv 1801.04406.
    """
    if loss not in LOSSES:
        raise DgmError(queries.unknown_choice("gan loss", loss, LOSSES))
    critic = Critic(lowered)

    def steepness(params: Params, values: Values) -> Array:
        return jnp.mean(gradient_norms(critic, params, values) ** 2)

    def against(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        drawn = jax.lax.stop_gradient(fakes(lowered, params, key, batch))
        real, fake = (critic(params, values) for values in (batch, drawn))
        accuracy = 0.5 * (jnp.mean(real > 0) + jnp.mean(fake < 0))
        value = critic_loss(real, fake)
        if penalty:
            value += 0.5 * penalty * (steepness(params, batch) + steepness(params, drawn))
        return value, (state, {"accuracy": accuracy})

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        fake = critic(params, fakes(lowered, params, key, batch))
        return model_loss(fake, loss), (state, {})

    return contest("gan", critic, against, model, critic_steps)


def critic_loss(real: Array, fake: Array) -> Array:
    """The logistic loss of telling data [n] from draws [m] by their critic values."""
    return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


def model_loss(fake: Array, loss: str) -> Array:
    """The model's loss at the critic values [m] of its draws."""
    if loss == "nonsaturating":
        return jnp.mean(jax.nn.softplus(-fake))
    return -jnp.mean(jax.nn.softplus(fake))

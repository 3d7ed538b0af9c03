"""Generative adversarial training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.adversary import Critic, contest, diversity, fakes, steepness
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    State,
    Values,
)
from dgmlang.registry import implements


class Loss(NamedTuple):
    """What critic and model lose at the critic's values of data [n] and of draws [m]."""

    critic: Callable[[Array, Array], Array]
    model: Callable[[Array], Array]


def critic_loss(real: Array, fake: Array) -> Array:
    """The logistic loss of telling data [n] from draws [m] by their critic values."""
    return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


def _squares(real: Array, fake: Array) -> Array:
    return 0.5 * jnp.mean((real - 1.0) ** 2) + 0.5 * jnp.mean((fake + 1.0) ** 2)


def _hinge(real: Array, fake: Array) -> Array:
    return jnp.mean(jax.nn.relu(1.0 - real)) + jnp.mean(jax.nn.relu(1.0 + fake))


LOSSES: Mapping[str, Loss] = {
    "nonsaturating": Loss(critic_loss, lambda fake: jnp.mean(jax.nn.softplus(-fake))),
    "minimax": Loss(critic_loss, lambda fake: -jnp.mean(jax.nn.softplus(fake))),
    "least_squares": Loss(_squares, lambda fake: 0.5 * jnp.mean((fake - 1.0) ** 2)),
    "hinge": Loss(_hinge, lambda fake: -jnp.mean(fake)),
}


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
    log σ(−c(x′)), whose gradient vanishes where the critic wins. `least_squares` draws the critic
    to 1 at data and −1 at draws, and the model to where the critic is 1;
    `hinge` stops pushing the critic at ±1 and trains the model on −c(x′); its best critic's loss is
    2 less twice the total variation. No loss here is a likelihood, and none says whether modes are
    missing. The penalty costs two more passes of the critic.

    Source: Goodfellow et al. 2014, arXiv 1406.2661; least squares: Mao et al. 2017, eq. 9, with
    a = −1, b = c = 1, arXiv 1611.04076; hinge: Lim & Ye 2017, arXiv 1705.02894; penalties R₁ and
    R₂: Mescheder et al. 2018, section 4.1, arXiv 1801.04406.
    """
    if loss not in LOSSES:
        raise DgmError(queries.unknown_choice("gan loss", loss, LOSSES))
    losses, critic = LOSSES[loss], Critic(lowered)

    def against(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        drawn = jax.lax.stop_gradient(fakes(lowered, params, key, batch))
        real, fake = (critic(params, values) for values in (batch, drawn))
        accuracy = 0.5 * (jnp.mean(real > 0) + jnp.mean(fake < 0))
        metrics = {"accuracy": accuracy, "diversity": diversity(lowered, batch, drawn)}
        price = steepness(critic, params, batch, drawn, penalty)
        return losses.critic(real, fake) + price, (state, metrics)

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        fake = critic(params, fakes(lowered, params, key, batch))
        return losses.model(fake), (state, {})

    return contest("gan", critic, against, model, critic_steps)

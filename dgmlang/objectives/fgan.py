"""Variational divergence minimisation: an f-divergence, bounded from below by a critic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
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


class Divergence(NamedTuple):
    """An f-divergence D(data ‖ model) = E_model f(u), u = p_data/p_model, as its critic sees it.

    Attributes:
        activation: g(v), increasing from the reals into the domain of f*, the convex conjugate; a
            critic v of 0 says that data and draws are alike, g(0) = f′(1).
        conjugate: f*(g(v)), in a form that does not overflow sooner than it must.
    """

    activation: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]


LN2 = log(2.0)

DIVERGENCES: Mapping[str, Divergence] = {
    # f = u ln u, f* = exp(t − 1)
    "kl": Divergence(lambda v: 1 + v, jnp.exp),
    # f = −ln u, f* = −1 − ln(−t), t < 0
    "reverse_kl": Divergence(lambda v: -jnp.exp(-v), lambda v: v - 1),
    # f = ½ [u ln u − (1 + u) ln((1 + u)/2)], f* = −½ ln(2 − exp(2 t)), t < ½ ln 2
    "js": Divergence(
        lambda v: 0.5 * (LN2 - jax.nn.softplus(-v)), lambda v: 0.5 * (jax.nn.softplus(v) - LN2)
    ),
    # f = (u − 1)², f* = t²/4 + t
    "pearson": Divergence(lambda v: v, lambda v: v**2 / 4 + v),
    # f = (1 − u)²/u, f* = 2 − 2 √(1 − t), t < 1
    "neyman": Divergence(lambda v: 1 - jnp.exp(-v), lambda v: 2 - 2 * jnp.exp(-v / 2)),
    # f = 1 − √u, f* = −1 − 1/(4 t), t < 0
    "hellinger": Divergence(lambda v: -0.5 * jnp.exp(-v), lambda v: 0.5 * jnp.exp(v) - 1),
    # f = ½ |u − 1|, f* = t, |t| ≤ ½
    "total_variation": Divergence(lambda v: 0.5 * jnp.tanh(v), lambda v: 0.5 * jnp.tanh(v)),
}


@implements("objective", "fgan")
def fgan(
    lowered: Lowered, *, divergence: str = "js", critic_steps: int = 1, penalty: float = 0.1
) -> Objective:
    """Critic: E f*(g(v(x′))) − E g(v(x)) + ½ penalty (…); model: −E f*(g(v(x′))).

    x are data, x′ the model's draws and v the critic's value, which g maps into the domain of f*.
    With penalty 0 minus the critic's loss is a lower bound of the divergence, reached by the best
    critic, g(v) = f′(p_data/p_model); as an estimate it is reported as `divergence`. `hellinger` is
    1 − ∫ √(p q), `js` has natural logarithms, `total_variation` is half the L₁ distance. Both sides
    play for the same value, so where the critic wins, the model's gradient can vanish: `gan` has
    another loss for it. `neyman` and `reverse_kl` are infinite where draws lie that data do not,
    `kl` where data lie that draws do not; `neyman` then runs away, and wants draws that overlap
    with the data from the start. The penalty is that of `gan`, on the slopes of v. No loss here is
    a likelihood.

    Source: Nowozin, Cseke & Tomioka 2016, eq. 6, tables 1, 2 and 6, arXiv 1606.00709.
    """
    if divergence not in DIVERGENCES:
        raise DgmError(queries.unknown_choice("divergence", divergence, DIVERGENCES))
    activation, conjugate = DIVERGENCES[divergence]
    critic = Critic(lowered)

    def against(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        drawn = jax.lax.stop_gradient(fakes(lowered, params, key, batch))
        real, fake = (critic(params, values) for values in (batch, drawn))
        bound = jnp.mean(activation(real)) - jnp.mean(conjugate(fake))
        metrics = {"divergence": bound, "diversity": diversity(lowered, batch, drawn)}
        price = steepness(critic, params, batch, drawn, penalty)
        return price - bound, (state, metrics)

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        fake = critic(params, fakes(lowered, params, key, batch))
        return -jnp.mean(conjugate(fake)), (state, {})

    return contest("fgan", critic, against, model, critic_steps)

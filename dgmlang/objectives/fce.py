"""Flow contrastive estimation: an energy against a noise law that learns to pass for data."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.walk import arguments, pushing
from dgmlang.objectives.adversary import owners
from dgmlang.objectives.batch import per_example, size
from dgmlang.objectives.nce import LOG_NORMALIZER
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    stateless,
)
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements


@implements("objective", "fce")
def fce(lowered: Lowered, *, noise_steps: int = 1) -> Objective:
    """E_x log σ(G(x)) + E_y log σ(−G(y)), y ~ q: the energy seeks its maximum, q its minimum.

    G = log p̃ − log Z − log q, so σ(G) is the chance that a point is a datum. The energy and its
    `log_normalizer` are trained as by `nce` at one noise draw a datum; the noise q, by gradients
    through its draws, to be told from the data as badly as the energy can. At the best energy the
    value is twice the Jensen–Shannon divergence of data and noise less 2 ln 2, so that the noise
    goes to the data, and the energy has ever harder negatives. No loss here is a likelihood; log Z
    is biased while q misses data. A step costs two densities of the energy and of q and a draw of q
    an example, and as much again for each of `noise_steps`.

    Source: Gao et al. 2020, eqs. 9 to 12, arXiv 1912.00589.
    """
    names = _noise_names(lowered)
    learned = lowered.facts.normaliser.value != "one"

    def log_odds(params: Params, values: Values) -> Array:
        log_z = params[LOG_NORMALIZER] if learned else 0.0
        own = lowered.log_prob(params, values) - log_z
        return own - lowered.noise_log_prob(params, values)

    def value(params: Params, batch: Values, key: Array) -> tuple[Array, Array]:
        """The value that the two sides play for, and how often the energy is right."""
        keys = jax.random.split(key, size(batch))
        drawn = jax.vmap(lambda key: lowered.noise_draw(params, key))(keys)
        real = per_example(log_odds)(params, batch)
        fake = per_example(log_odds)(params, {**batch, **drawn})
        won = jnp.mean(jax.nn.log_sigmoid(real)) + jnp.mean(jax.nn.log_sigmoid(-fake))
        return won, 0.5 * (jnp.mean(real > 0) + jnp.mean(fake < 0))

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        won, accuracy = value(params, batch, key)
        metrics = {LOG_NORMALIZER: params[LOG_NORMALIZER]} if learned else {}
        return -won, (state, {**metrics, "accuracy": accuracy})

    def noise(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        return value(params, batch, key)[0], (state, {})

    def companions(_: Array, __: Values) -> Params:
        return {LOG_NORMALIZER: jnp.zeros(())} if learned else {}

    return with_priors(
        lowered,
        Objective(
            name="fce",
            quantity="flow contrastive losses, not a likelihood",
            players=(
                Player("noise", noise, names.__contains__, noise_steps),
                Player("model", model, lambda parameter: parameter not in names),
            ),
            companions=companions,
            start=stateless,
            validate=None,
        ),
    )


def _noise_names(lowered: Lowered) -> frozenset[str]:
    """The top-level parameters of the noise that the energy does not use."""
    program = lowered.program
    laws = program.noise.values()
    own = owners(program, *(expr for law in laws for expr in arguments(law)))
    own |= {chain.owner[0] for law in laws for chain in pushing(law) if chain.owner}
    return own - owners(program, *program.energies)

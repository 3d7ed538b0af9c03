"""Maximum likelihood, for laws whose density is exact and normalised."""

from __future__ import annotations

from jax import Array

from dgmlang.compiler.derive.divergence import estimated
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.objectives.batch import mean
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    everything,
    nothing,
    stateless,
)
from dgmlang.registry import implements


@implements("objective", "mle")
def mle(lowered: Lowered) -> Objective:
    """−mean log p(x); priors of params are ignored.

    Where the normaliser is a finite sum, the loss holds log Z of the current parameters: one
    summation over the states a step, and one per example where it depends on givens. A guide is
    ignored: latents that it names go exactly too. Divergences of continuous flows of many entries
    are estimated along random directions, which leaves loss and gradient unbiased.
    """
    lowered = lowered.unguided
    random = estimated(lowered.program)

    def validate(params: Params, values: Values, key: Array) -> Array:
        return -log_likelihood(lowered, params, values, key=key)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        return mean(validate(params, batch, key), batch), (state, {})

    return Objective(
        name="mle",
        quantity=f"negative log-likelihood, {'an estimate' if random else 'exact'}",
        players=(Player("model", loss, everything),),
        companions=nothing,
        start=stateless,
        validate=validate,
    )

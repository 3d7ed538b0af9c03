"""Objectives that are the mean of one loss an example, with nothing carried and no companions."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
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
from dgmlang.objectives.priors import with_priors


def averaged(
    lowered: Lowered,
    name: str,
    quantity: str,
    each: Callable[[Params, Values, Array], Array],
    metrics: Callable[[Values], Metrics] = lambda _: {},
) -> Objective:
    """The objective whose loss is the mean of `each` (params, batch, key) → [n], with priors.

    `metrics` of a batch are reported beside it.
    """

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        return mean(each(params, batch, key), batch), (state, metrics(batch))

    player = Player("model", loss, everything)
    return with_priors(lowered, Objective(name, quantity, (player,), nothing, stateless, each))

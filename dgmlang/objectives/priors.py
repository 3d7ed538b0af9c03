"""Adds log p(w)/N of the priors of params and of nets' weights to an objective."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import (
    Loss,
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
)

COUNT = "count"
"""The entry of the state that holds N, the number of training examples."""


def with_priors(lowered: Lowered, objective: Objective) -> Objective:
    """The objective whose last player's loss is loss − log p(w)/N; unchanged without priors.

    The last player is the model's (an adversarial objective trains its critic first).
    """
    if not lowered.program.priors:
        return objective
    *others, model = objective.players
    priced = replace(model, loss=_priced(lowered, model.loss))

    def start(key: Array, params: Params, data: Values) -> State:
        state = objective.start(key, params, data)
        return {**state, COUNT: jnp.asarray(float(size(data)))}

    players = (*(_keeping_count(player) for player in others), priced)
    return replace(objective, players=players, start=start, unpriced=objective)


def _priced(lowered: Lowered, loss: Loss) -> Loss:
    def with_prior(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        value, (inner, metrics) = loss(params, state, batch, key)
        log_prior = lowered.log_prior(params)
        metrics = {**metrics, "log_prior": log_prior}
        return value - log_prior / state[COUNT], ({**inner, COUNT: state[COUNT]}, metrics)

    return with_prior


def _keeping_count(player: Player) -> Player:
    def keeping(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        value, (inner, metrics) = player.loss(params, state, batch, key)
        return value, ({**inner, COUNT: state[COUNT]}, metrics)

    return replace(player, loss=keeping)

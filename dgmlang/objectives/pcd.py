"""Persistent contrastive divergence: chains that live as long as the training."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives import replay
from dgmlang.objectives.batch import WEIGHT, size
from dgmlang.objectives.contrast import QUANTITY, Chains, contrast
from dgmlang.objectives.monitors import monitors
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    everything,
    nothing,
)
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements

TRANSITIONS = 10
"""Langevin transitions a step, unless told otherwise: one leaves the chains behind the model."""


@implements("objective", "pcd")
def pcd(
    lowered: Lowered,
    *,
    k: int = 0,
    chains: int = 100,
    step: float = 0.01,
    l2: float = 0.0,
    positive: str = "chains",
) -> Objective:
    """E(x) − E(x′), x′ being the states of `chains` chains that move k transitions a step.

    Carried state: `chains`, their values. Where all sites have Gibbs blocks, chains start at
    examples and sweep. Else they are Metropolis-adjusted Langevin chains that may jump (see
    `replay`), whose acceptance is reported. A chain keeps the givens of the example that it was
    dealt. The learning rate must be small against the chains' mixing. A step costs k sweeps of the
    chains, or k gradients of the energy, and two energies.

    Args:
        lowered: The model, an energy.
        k: Transitions a step; 0: one sweep, or ten Langevin transitions.
        chains: How many chains there are.
        step: The first ε of the Langevin transitions, which then adapts; sweeps have none.
        l2: The weight of a penalty on squared energies, at the price of a bias; only where chains
            are Langevin's.
        positive: How latents that no rule removes are inferred from data: `chains` of k sweeps, or
            `meanfield`, the best independent law of each example.

    Source: Tieleman 2008; penalty: Grathwohl et al. 2020, arXiv 1912.03263; mean field:
    Salakhutdinov & Hinton 2009.
    """
    moves = Chains(lowered, k or 1, step, positive)
    transitions = k or TRANSITIONS
    penalty = 0.0 if moves.gibbs else l2

    def start(key: Array, _: Params, data: Values) -> State:
        first, second = jax.random.split(key)
        rows = dealt(first, chains, data)
        examples = {name: array[rows] for name, array in data.items() if name != WEIGHT}
        if moves.gibbs:
            return {"chains": moves.begin(second, examples, chains)}
        return replay.begin(second, moves, data, examples, step, chains)

    def advanced(params: Params, state: State, key: Array) -> tuple[State, Metrics]:
        if moves.gibbs:
            return {"chains": moves.move(params, key, state["chains"])}, {}
        return replay.advance(key, params, moves, state, transitions)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        first, second = jax.random.split(key)
        fixed = jax.lax.stop_gradient(params)
        state, facts = advanced(fixed, state, first)
        above = moves.above(params, second, batch)
        value, metrics = contrast(moves.energy, params, above, state["chains"], penalty)
        return value, (state, {**metrics, **facts})

    return with_priors(
        lowered,
        Objective(
            name="pcd",
            quantity=QUANTITY,
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=start,
            validate=None,
            watch=monitors(lowered, moves),
        ),
    )


def dealt(key: Array, chains: int, data: Values) -> Array:
    """The row of an example for each chain, drawn by weight where examples have weights.

    So chains that keep the givens of their example count alike in the mean.
    """
    n = size(data)
    if WEIGHT not in data:
        return jax.random.randint(key, (chains,), 0, n)
    return jax.random.choice(key, n, (chains,), p=data[WEIGHT] / jnp.sum(data[WEIGHT]))

"""Persistent contrastive divergence: chains that live as long as the training."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import along, size
from dgmlang.objectives.contrast import QUANTITY, Chains, contrast
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
from dgmlang.objectives.variables import only
from dgmlang.registry import implements

REINIT = 0.05
"""The share of Langevin chains that starts anew at each step."""


@implements("objective", "pcd")
def pcd(
    lowered: Lowered, *, k: int = 1, chains: int = 100, step: float = 0.01, l2: float = 0.01
) -> Objective:
    """E(x) − E(x′), x′ being the states of `chains` chains that move k transitions a step.

    Carried state: `chains`, their values. Where all sites have Gibbs blocks, chains start at
    examples and sweep. Else they take Langevin steps, start at Gaussian noise with the data's
    moments (carried as `loc`, `scale`), and one in twenty starts anew each step; `l2` then holds
    the energies of a net near 0, at the price of a small bias. A chain keeps the givens of the
    example that it was dealt. The learning rate must be small against the chains' mixing.

    Args:
        lowered: The model, an energy.
        k: Transitions a step.
        chains: How many chains there are.
        step: ε of the Langevin steps; Gibbs sweeps have none.
        l2: The weight of the penalty on squared energies; only where chains are Langevin's.

    Source: Tieleman 2008; replay buffer: Du & Mordatch 2019, arXiv 1903.08689; penalty:
    Grathwohl et al. 2020, arXiv 1912.03263.
    """
    moves = Chains(lowered, k, step)
    penalty = 0.0 if moves.gibbs else l2

    def start(key: Array, _: Params, data: Values) -> State:
        first, second = jax.random.split(key)
        rows = jax.random.randint(first, (chains,), 0, size(data))
        examples = {name: array[rows] for name, array in data.items()}
        if moves.gibbs:
            return {"chains": moves.begin(second, examples, chains)}
        moments = {"loc": _over(jnp.mean, moves, data), "scale": _over(jnp.std, moves, data)}
        return {"chains": {**examples, **_fresh(second, moments, chains)}, **moments}

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        first, second, third = jax.random.split(key, 3)
        fixed = jax.lax.stop_gradient(params)
        before = state["chains"] if moves.gibbs else _renewed(first, state, chains)
        negative = moves.move(fixed, second, before)
        positive = moves.infer(fixed, third, batch)
        value, metrics = contrast(moves.energy, params, positive, negative, penalty)
        return value, ({**state, "chains": negative}, metrics)

    return with_priors(
        lowered,
        Objective(
            name="pcd",
            quantity=QUANTITY,
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=start,
            validate=None,
        ),
    )


def _over(statistic: Callable[..., Array], moves: Chains, data: Values) -> Values:
    """A statistic over the examples, by data variable."""
    return {name: statistic(array, axis=0) for name, array in only(data, moves.data).items()}


def _fresh(key: Array, moments: State, n: int) -> Values:
    """Gaussian states with the data's mean and standard deviation, entry by entry."""
    states: Values = {}
    for place, (name, loc) in enumerate(moments["loc"].items()):
        noise = jax.random.normal(jax.random.fold_in(key, place), (n, *loc.shape), loc.dtype)
        states[name] = loc[None] + moments["scale"][name][None] * noise
    return states


def _renewed(key: Array, state: State, n: int) -> Values:
    """The chains, a random twentieth of them started anew."""
    first, second = jax.random.split(key)
    anew = jax.random.bernoulli(first, REINIT, (n,))
    old = state["chains"]
    fresh = _fresh(second, state, n)
    renewed = {name: jnp.where(along(anew, x), x, old[name]) for name, x in fresh.items()}
    return {**old, **renewed}

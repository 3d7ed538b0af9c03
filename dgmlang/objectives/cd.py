"""Contrastive divergence: chains that start at the data."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import size
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
    stateless,
)
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements


@implements("objective", "cd")
def cd(
    lowered: Lowered,
    *,
    k: int = 1,
    step: float = 0.01,
    l2: float = 0.0,
    positive: str = "chains",
) -> Objective:
    """E(x) − E(x′), x′ being k transitions away from x. Biased; no function has its gradient.

    The transitions are Gibbs sweeps over the derived blocks, else Langevin steps. A step costs k
    sweeps and two energies an example.

    Args:
        lowered: The model, an energy.
        k: Transitions; the bias goes as they grow.
        step: ε of the Langevin steps; Gibbs sweeps have none.
        l2: The weight of a penalty on squared energies, which holds unbounded nets.
        positive: How latents that no rule removes are inferred from data: `chains` of k sweeps, or
            `meanfield`, the best independent law of each example.

    Source: Hinton 2002.
    """
    chains = Chains(lowered, k, step, positive)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        first, second, third = jax.random.split(key, 3)
        start = chains.begin(first, batch, size(batch))
        negative = chains.move(jax.lax.stop_gradient(params), second, start)
        above = chains.above(params, third, batch)
        value, metrics = contrast(chains.energy, params, above, negative, l2)
        return value, (state, metrics)

    return with_priors(
        lowered,
        Objective(
            name="cd",
            quantity=QUANTITY,
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=stateless,
            validate=None,
            watch=monitors(lowered, chains),
        ),
    )

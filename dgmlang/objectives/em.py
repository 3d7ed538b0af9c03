"""Expectation–maximisation: closed-form M-steps where the program is tabular, gradients elsewhere.

E-step   Σ_n E[T | x_n] of every tabular law, as one gradient (`lower/tilts`)
M-step   arguments from those sums (`distributions/sufficient`); other parameters by one step of
         the optimiser along ∂ Σ_n log p(x_n), which is the gradient of the expected complete
         log density too (Fisher's identity)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.tabular import tabular
from dgmlang.compiler.lower.domains import unconstrain
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.tilts import TILTS, maximised, tilted, untilted
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.objectives.batch import WEIGHT, size
from dgmlang.objectives.mle import mle
from dgmlang.objectives.objective import Metrics, Objective, Params, Player, State, Values
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements


@implements("objective", "em")
def em(lowered: Lowered, *, chunk: int = 1024) -> Objective:
    """Each step is one E-step over all the data and one M-step; a closed one never lowers log p.

    Params are maximised in closed form where only laws of an exponential family read them, whole or
    at indices, and they have no prior. The others take one step of the optimiser, which raises
    log p only as far as the rate is small. A guide is ignored.

    Memory is that of `chunk` examples; a step costs two passes of them, forward and back.

    Source: Dempster, Laird & Rubin 1977; by gradients Lange 1995; the E-step as a gradient:
    Salakhutdinov, Roweis & Ghahramani 2003, eq. 4.
    """
    lowered = lowered.unguided
    tables = tabular(lowered.program)
    opened = Lowered(tilted(lowered.built, tables))
    kinds = {name: lowered.program.variables[name].type.kind for name in tables.closed}
    sum_tilted = jax.value_and_grad(_summed(opened, chunk), argnums=1)

    def leap(
        params: Params, names: frozenset[str], _: State, batch: Values, __: Array
    ) -> tuple[Params, Metrics]:
        at = evaluation(opened.built, params, {})
        total, sums = sum_tilted(params, untilted(opened.built, at), batch)
        best = maximised(opened.built, names, at, sums)
        return (
            {name: unconstrain(kinds[name], value) for name, value in best.items()},
            {"loss": -total / size(batch)},
        )

    def loss(
        params: Params, state: State, batch: Values, _: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        return -_summed(lowered, chunk)(params, [], batch) / size(batch), (state, {})

    closed = Player("tables", loss, lambda name: name in tables.closed, leap=leap)
    others = Player("others", loss, lambda name: name not in tables.closed)
    moving = [closed] if tables.closed else []
    moving += [others] if set(lowered.names) - set(tables.closed) else []
    likelihood = replace(mle(lowered), name="em", players=tuple(moving))
    return with_priors(lowered, likelihood)


def _summed(lowered: Lowered, chunk: int) -> Callable[[Params, list, Values], Array]:
    """(params, tilts, batch) → Σ log p, a chunk of the batch at a time, backwards too."""

    def part(params: Params, batch: Values, counted: Array) -> Array:
        weights = batch.get(WEIGHT, jnp.ones(counted.shape))
        each = log_likelihood(lowered, params, batch)
        return jnp.sum(jnp.where(counted, each * weights, 0.0))

    def whole(params: Params, tilts: list, batch: Values) -> Array:
        params = {**params, TILTS: tilts}
        count = size(batch)
        rows = min(chunk, count)
        chunks = -(-count // rows)
        places = jnp.arange(chunks * rows).reshape(chunks, rows)

        def step(total: Array, rows: Array) -> tuple[Array, None]:
            here = {name: array[jnp.minimum(rows, count - 1)] for name, array in batch.items()}
            return total + part(params, here, rows < count), None

        blank = jnp.zeros((), jnp.result_type(float))
        return jax.lax.scan(jax.checkpoint(step), blank, places)[0]

    return whole

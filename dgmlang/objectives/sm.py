"""Score matching with the exact trace."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.field import exact_trace, flat_data, score_field
from dgmlang.objectives.noised import as_given, noised
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "sm")
def sm(lowered: Lowered) -> Objective:
    """The loss tr ∇s(x) + ½ ‖s(x)‖², whose mean is least at the data's score.

    It needs no normaliser, and d + 1 passes of the score a step: use `ssm` beyond some thirty
    entries. Under a process it is taken of the data noised to a random time, with the weight of
    `dsm` times σ(t)². The score must be absolutely continuous: a ReLU or a spline makes the result
    wrong.

    Source: Hyvärinen 2005.
    """
    field = score_field(lowered)

    def each(params: Params, values: Values, key: Array) -> Array:
        data = flat_data(lowered, values)
        at = as_given(data) if lowered.process is None else noised(lowered.process, key, data)
        score, trace = exact_trace(lambda x: field(params, x, values, at.t), at.x)
        return at.weight * at.sigma**2 * (trace + 0.5 * jnp.sum(score**2, axis=1))

    return averaged(
        lowered, "sm", "score-matching loss, a Fisher divergence up to a constant", each
    )

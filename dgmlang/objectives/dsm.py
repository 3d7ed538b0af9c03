"""Denoising score matching, at one noise level or over all levels of a process."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import absent
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.batch import along
from dgmlang.objectives.field import flat_data, score_field
from dgmlang.objectives.noise_levels import AUTO, times, weighting
from dgmlang.objectives.noised import blurred, noised
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "dsm")
def dsm(
    lowered: Lowered,
    *,
    sigma: float = 0.1,
    weighting: str = AUTO,
    times: str = AUTO,
    drop: float = 0.1,
) -> Objective:
    """½ ‖s(x + σε) + ε/σ‖², least at the score of the data blurred by N(0, σ²).

    Under a process: w(t) ½ ‖σ(t) s(x_t, t) + ε‖², with w by `weighting` and t by `times`, as
    `noise_levels` has them: by default all levels alike and t stratified over the batch, under
    `edm` those of its paper. Each optional given is left out of a share `drop` of the examples, so
    that the network knows the score without it too (guidance). Without a process, what is learned
    is the blurred law, and a small `sigma` means a noisy gradient. One pass of the score a step.

    Source: Vincent 2011; Song et al. 2021, eq. 7, arXiv 2011.13456; Ho & Salimans 2022,
    algorithm 1, arXiv 2207.12598.
    """
    field = score_field(lowered)
    process = lowered.process

    def each(params: Params, values: Values, key: Array) -> Array:
        first, second = jax.random.split(key)
        data, seen = flat_data(lowered, values), without_some(lowered, second, values, drop)
        at = (
            blurred(first, data, sigma)
            if process is None
            else noised(process, first, data, weighting, times)
        )
        residual = at.sigma[:, None] * field(params, at.x, seen, at.t) + at.noise
        return 0.5 * at.weight * jnp.sum(residual**2, axis=1)

    return averaged(lowered, "dsm", _quantity(lowered, sigma, weighting, times), each)


def without_some(lowered: Lowered, key: Array, values: Values, drop: float) -> Values:
    """A batch in which each optional given is absent from a share `drop` of the examples."""
    kept = dict(values)
    for number, variable in enumerate(lowered.program.having("given")):
        if not variable.type.optional:
            continue
        held = values[variable.name]
        gone = jax.random.bernoulli(jax.random.fold_in(key, number), drop, (len(held),))
        kept[variable.name] = jnp.where(along(gone, held), absent(variable), held)
    return kept


def _quantity(lowered: Lowered, sigma: float, how: str, when: str) -> str:
    if lowered.process is None:
        return f"denoising loss over sigma = {sigma:g}, not a likelihood"
    chosen = weighting(lowered.process, how)[0], times(lowered.process, when)[0]
    return f"denoising loss over all noise levels ({', '.join(chosen)}), not a likelihood"

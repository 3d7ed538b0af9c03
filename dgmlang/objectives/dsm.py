"""Denoising score matching, at one noise level or over all levels of a process."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.field import flat_data, score_field
from dgmlang.objectives.noised import Noised, noised
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "dsm")
def dsm(lowered: Lowered, *, sigma: float = 0.1) -> Objective:
    """½ ‖s(x + σε) + ε/σ‖², least at the score of the data blurred by N(0, σ²).

    Under a process: ½ σ(t)² ‖s(x_t, t) + ε/σ(t)‖², t uniform and stratified over the batch; the
    weight makes all noise levels count alike. Without one, what is learned is the blurred law, and
    a small `sigma` means a noisy gradient. One pass of the score a step.

    Source: Vincent 2011; Song et al. 2021, eq. 7, arXiv 2011.13456.
    """
    field = score_field(lowered)
    process = lowered.process

    def each(params: Params, values: Values, key: Array) -> Array:
        data = flat_data(lowered, values)
        at = _blurred(key, data, sigma) if process is None else noised(process, key, data)
        score = field(params, at.x, values, at.t)
        weight = 1 / at.sigma if process is None else jnp.ones_like(at.sigma)
        residual = at.sigma[:, None] * score + at.noise
        return 0.5 * weight**2 * jnp.sum(residual**2, axis=1)

    return averaged(lowered, "dsm", _quantity(lowered, sigma), each)


def _quantity(lowered: Lowered, sigma: float) -> str:
    levels = f"sigma = {sigma:g}" if lowered.process is None else "all noise levels"
    return f"denoising loss over {levels}, not a likelihood"


def _blurred(key: Array, data: Array, sigma: float) -> Noised:
    noise = jax.random.normal(key, data.shape, data.dtype)
    level = jnp.full(data.shape[0], sigma, data.dtype)
    return Noised(data + sigma * noise, noise, level, jnp.zeros_like(level))

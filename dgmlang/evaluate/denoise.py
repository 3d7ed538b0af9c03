"""Denoising by the score (Tweedie), and Stein's estimate of how far it is from the truth.

Source: Robbins 1956; Efron 2011, Tweedie's formula and selection bias; Stein 1981, Estimation of
the mean of a multivariate normal distribution.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result, only
from dgmlang.objectives.field import exact_trace, flat_data, score_field
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import data_names
from dgmlang.objectives.variables import only as these

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def denoised(fitted: Fitted, data: Any, sigma: float) -> Any:
    """E[clean | x] for x = clean + sigma · noise: see `Fitted.denoise`."""
    values, how = _noisy(fitted, data, sigma)

    def run(lowered: Lowered) -> Values:
        return _tweedie(lowered, fitted.raw, values, float(sigma))

    found = fitted.model.lowered.sound(run)
    clean = fitted.inlet.invert({n: np.asarray(a) for n, a in found.items()})
    return only({n: Result(np.asarray(a), "model", None, how) for n, a in clean.items()})


def risk(fitted: Fitted, data: Any, sigma: float) -> Result:
    """An unbiased estimate of ‖denoised − clean‖² without the clean data, for each example [n]."""
    values, how = _noisy(fitted, data, sigma)

    def run(lowered: Lowered) -> Array:
        return _stein(lowered, fitted.raw, values, float(sigma))

    each = np.asarray(fitted.model.lowered.sound(run))
    return Result(each, "estimate", None, f"Stein's unbiased risk estimate; {how}")


@partial(jax.jit, static_argnums=0)
def _tweedie(lowered: Lowered, params: Params, values: Values, sigma: float) -> Values:
    x = jnp.asarray(flat_data(lowered, values), float)
    clean = x + sigma**2 * _field(lowered, params, values, sigma)(x)
    _, unravel = ravel_pytree({n: v[0] for n, v in these(values, data_names(lowered)).items()})
    return jax.vmap(unravel)(clean)


@partial(jax.jit, static_argnums=0)
def _stein(lowered: Lowered, params: Params, values: Values, sigma: float) -> Array:
    """The [n] d σ² + σ⁴ (2 tr ∇s + ‖s‖²): Stein's estimate for the estimator x + σ² s(x)."""
    x = jnp.asarray(flat_data(lowered, values), float)
    score, trace = exact_trace(_field(lowered, params, values, sigma), x)
    return x.shape[1] * sigma**2 + sigma**4 * (2.0 * trace + jnp.sum(score**2, axis=1))


def _field(lowered: Lowered, params: Params, values: Values, sigma: float) -> Any:
    """The score of data with noise `sigma`, as a function of them [n, d].

    Under a process α x has the noise level of time t, where σ(t)/α(t) is `sigma`.
    """
    field, process = score_field(lowered), lowered.process
    n = flat_data(lowered, values).shape[0]
    if process is None:
        return lambda x: field(params, x, values, jnp.zeros(n, x.dtype))
    t = process.time(sigma)
    signal = process.signal(t)
    return lambda x: signal * field(params, signal * x, values, jnp.full(n, t, x.dtype))


def _noisy(fitted: Fitted, data: Any, sigma: float) -> tuple[Values, str]:
    """The data, and whose score is used (DGM0829 for a noise that the model does not know)."""
    facet, process = fitted.model.plan.facts.score, fitted.model.lowered.process
    if facet.value == "none":
        raise DgmError(codes.no_score(fitted.model.name, facet.witnesses))
    values, _ = fitted.inlet.values(fitted.model.plan.program, data)
    if process is None:
        return values, f"Tweedie, the score taken to be that of data with noise {sigma:g}"
    low, high = (float(process.level(process.spread(end))) for end in (0.0, 1.0))
    level = float(process.level(process.time(sigma)))
    if not low * (1 - 1e-3) <= sigma <= high or abs(level - sigma) > 1e-3 * sigma:
        raise DgmError(codes.unknown_noise(sigma, low, high))
    return values, f"Tweedie, the score at noise {sigma:g}"

"""Sliced score matching: the trace by random directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.field import flat_data, score_field
from dgmlang.objectives.noised import as_given, noised
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "ssm")
def ssm(lowered: Lowered, *, projections: int = 1, difference: float = 0.0) -> Objective:
    """vᵀ ∇s(x) v + ½ ‖s(x)‖² with v uniform on {−1, 1}ᵈ, the variance-reduced form.

    Its mean is that of `sm`, at the cost of `projections` Jacobian-vector products a step. Under a
    process it is taken of the data noised to a random time, with the weight of `dsm` times σ(t)².
    The score must be absolutely continuous: a ReLU or a spline makes the result wrong.

    With `difference` h the product is (s(x + h v) − s(x − h v))·v/2h, which takes no derivative in
    x: two passes, side by side, and a bias of order h² where the score is not linear.

    Source: Song et al. 2019, eq. 8, arXiv 1905.07088; Pang et al. 2020, arXiv 2007.03317.
    """
    field = score_field(lowered)
    along = partial(_differences, h=difference) if difference else _derivative

    def each(params: Params, values: Values, key: Array) -> Array:
        first, second = jax.random.split(key)
        data = flat_data(lowered, values)
        at = as_given(data) if lowered.process is None else noised(lowered.process, first, data)

        def curvature(key: Array) -> tuple[Array, Array]:
            v = jax.random.rademacher(key, at.x.shape, at.x.dtype)
            score, slope = along(lambda x: field(params, x, values, at.t), at.x, v)
            return score, jnp.sum(v * slope, axis=1)

        score, curvatures = jax.vmap(curvature)(jax.random.split(second, projections))
        half_norm = 0.5 * jnp.sum(score[0] ** 2, axis=1)
        return at.weight * at.sigma**2 * (jnp.mean(curvatures, axis=0) + half_norm)

    return averaged(
        lowered, "ssm", "sliced score-matching loss, a Fisher divergence up to a constant", each
    )


def _derivative(field: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
    """The field at x, and its derivative along v."""
    return jax.jvp(field, (x,), (v,))


def _differences(
    field: Callable[[Array], Array], x: Array, v: Array, h: float
) -> tuple[Array, Array]:
    """The same by central differences, the field taken midway."""
    above, below = field(x + h * v), field(x - h * v)
    return 0.5 * (above + below), (above - below) / (2.0 * h)

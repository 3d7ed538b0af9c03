"""Sliced score matching: the trace by random directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.field import flat_data, score_field
from dgmlang.objectives.noised import as_given, noised
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "ssm")
def ssm(
    lowered: Lowered,
    *,
    projections: int = 1,
    difference: float = 0.0,
    directions: str = "rademacher",
    reduced: bool = True,
) -> Objective:
    """vᵀ ∇s(x) v + ½ ‖s(x)‖² with v uniform on {−1, 1}ᵈ, the variance-reduced form.

    `directions` may be `gaussian`, v ~ N(0, I), or `sphere`, v uniform at ‖v‖² = d: E v vᵀ = I of
    each, and the variance is least with the first where ∇s is near diagonal. Without `reduced` the
    second term is ½ (vᵀ s(x))², as sliced first: the same mean, and more variance.

    Its mean is that of `sm`, at the cost of `projections` Jacobian-vector products a step. Under a
    process it is taken of the data noised to a random time, with the weight of `dsm` times σ(t)².
    The score must be absolutely continuous: a ReLU or a spline makes the result wrong.

    With `difference` h the product is (s(x + h v) − s(x − h v))·v/2h, which takes no derivative in
    x: two passes, side by side, and a bias of order h² where the score is not linear.

    Source: Song et al. 2019, eq. 8, arXiv 1905.07088; Pang et al. 2020, arXiv 2007.03317.
    """
    if directions not in DIRECTIONS:
        raise DgmError(codes.unknown_choice("kind of direction", directions, tuple(DIRECTIONS)))
    field = score_field(lowered)
    along = partial(_differences, h=difference) if difference else _derivative

    def each(params: Params, values: Values, key: Array) -> Array:
        first, second = jax.random.split(key)
        data = flat_data(lowered, values)
        at = as_given(data) if lowered.process is None else noised(lowered.process, first, data)

        def slice_(key: Array) -> Array:
            v = DIRECTIONS[directions](key, at.x)
            score, slope = along(lambda x: field(params, x, values, at.t), at.x, v)
            norm = jnp.sum(score**2, axis=1) if reduced else jnp.sum(v * score, axis=1) ** 2
            return jnp.sum(v * slope, axis=1) + 0.5 * norm

        slices = jax.vmap(slice_)(jax.random.split(second, projections))
        return at.weight * at.sigma**2 * jnp.mean(slices, axis=0)

    return averaged(
        lowered, "ssm", "sliced score-matching loss, a Fisher divergence up to a constant", each
    )


def _rademacher(key: Array, x: Array) -> Array:
    return jax.random.rademacher(key, x.shape, x.dtype)


def _gaussian(key: Array, x: Array) -> Array:
    return jax.random.normal(key, x.shape, x.dtype)


def _sphere(key: Array, x: Array) -> Array:
    v = _gaussian(key, x)
    return v * jnp.sqrt(x.shape[1] / jnp.sum(v**2, axis=1, keepdims=True))


DIRECTIONS = {"rademacher": _rademacher, "gaussian": _gaussian, "sphere": _sphere}
"""Draws of v like x [n, d] with E v vᵀ = I, by name."""


def _derivative(field: Callable[[Array], Array], x: Array, v: Array) -> tuple[Array, Array]:
    """The field at x, and its derivative along v."""
    return jax.jvp(field, (x,), (v,))


def _differences(
    field: Callable[[Array], Array], x: Array, v: Array, h: float
) -> tuple[Array, Array]:
    """The same by central differences, the field taken midway."""
    above, below = field(x + h * v), field(x - h * v)
    return 0.5 * (above + below), (above - below) / (2.0 * h)

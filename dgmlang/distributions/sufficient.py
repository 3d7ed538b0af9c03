"""Sums of sufficient statistics, and the arguments of a law that fit them best.

With log p(x; θ) = η(θ) · T(x) − A(θ) + h(x), the expected log density of many x is greatest at
arguments that Σ T alone decides. Each argument is maximised given the others, in order:

    N, Σ x − loc, Σ (x − loc)²    are the sums of a Gaussian, around where it stood before, so that
                                  nothing large cancels
    argument                      Σ_cells numerator / Σ_cells denominator

where the cells are those that share the argument: all entries of a `scale` that is one number.
Where they share no argument but differ in another, one round is a conditional maximisation, which
still never lowers the likelihood (Meng & Rubin 1993).

Source: Dempster, Laird & Rubin 1977, section 2; Bishop 2006, eqs. 9.17–9.27.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.registry import implements

Sums = tuple[Array, ...]
"""Σ T(x) by statistic: the axes of the cells, then those of the statistic."""

Arguments = Mapping[str, Array]
"""A law's arguments at each cell."""

NEVER = 1e-6
"""The probability that a log-odds or logit is left with where a class was never seen."""

Part = Callable[[Sums, Arguments, Arguments], Array]
"""(sums, the arguments that the statistics were taken at, the newest) → what a cell adds."""


def _ratio(numerator: Array, denominator: Array, old: Array) -> Array:
    """The quotient; where nothing was seen, the old value."""
    seen = denominator > 0
    return jnp.where(seen, numerator / jnp.where(seen, denominator, 1.0), old)


@dataclass(frozen=True)
class Update:
    """One argument from what its cells add up to: `value`(numerator, denominator, old value)."""

    numerator: Part
    denominator: Part
    value: Callable[[Array, Array, Array], Array] = _ratio


@dataclass(frozen=True)
class Family:
    """`statistics`: (x, arguments) → T(x), entry by entry; `updates` in their order."""

    statistics: Callable[[Array, Arguments], Sums]
    updates: Mapping[str, Update]


def _count(sums: Sums, _: Arguments, __: Arguments) -> Array:
    return sums[0]


def _first(sums: Sums, _: Arguments, __: Arguments) -> Array:
    return sums[1]


# ── Gaussians ────────────────────────────────────────────────────────────────────────────────────


def _moments(x: Array, at: Arguments) -> Sums:
    away = x - at["loc"]
    return jnp.ones_like(away), away, away**2


def _squares(sums: Sums, at: Arguments, new: Arguments) -> Array:
    """Σ (x − new loc)²."""
    step = new["loc"] - at["loc"]
    return sums[2] - 2 * step * sums[1] + step**2 * sums[0]


def _root(numerator: Array, denominator: Array, old: Array) -> Array:
    return jnp.sqrt(jnp.maximum(_ratio(numerator, denominator, old**2), 0.0))


LOCATION = Update(
    lambda sums, at, new: (sums[1] + at["loc"] * sums[0]) / new["scale"] ** 2,
    lambda sums, at, new: sums[0] / new["scale"] ** 2,
)
GAUSSIAN = Family(_moments, {"loc": LOCATION, "scale": Update(_squares, _count, _root)})
implements("sufficient", "Normal")(GAUSSIAN)
implements("sufficient", "LogNormal")(
    Family(lambda x, at: _moments(jnp.log(x), at), GAUSSIAN.updates)
)
implements("sufficient", "HalfNormal")(
    Family(lambda x, _: (jnp.ones_like(x), x**2), {"scale": Update(_first, _count, _root)})
)


def _scatter(x: Array, at: Arguments) -> Sums:
    away = x - at["loc"]
    return jnp.ones(away.shape[:-1], away.dtype), away, away[..., None] * away[..., None, :]


def _precision(at: Arguments) -> Array:
    if "precision_matrix" in at:
        return at["precision_matrix"]
    given = at.get("scale_tril")
    tril = jnp.linalg.cholesky(at["covariance_matrix"]) if given is None else given
    eye = jnp.broadcast_to(jnp.eye(tril.shape[-1], dtype=tril.dtype), tril.shape)
    return jax.scipy.linalg.cho_solve((tril, True), eye)


def _weighed_sum(sums: Sums, at: Arguments, new: Arguments) -> Array:
    whole = sums[1] + at["loc"] * sums[0][..., None]
    return (_precision(new) @ whole[..., None])[..., 0]


def _solved(numerator: Array, denominator: Array, old: Array) -> Array:
    seen = jnp.trace(denominator, axis1=-2, axis2=-1)[..., None] > 0
    eye = jnp.eye(denominator.shape[-1], dtype=denominator.dtype)
    solvable = jnp.where(seen[..., None], denominator, eye)
    return jnp.where(seen, jnp.linalg.solve(solvable, numerator[..., None])[..., 0], old)


def _outer(sums: Sums, at: Arguments, new: Arguments) -> Array:
    """Σ (x − new loc)(x − new loc)ᵀ."""
    step = new["loc"] - at["loc"]
    cross = step[..., None] * sums[1][..., None, :]
    both = cross + jnp.swapaxes(cross, -1, -2)
    return sums[2] - both + sums[0][..., None, None] * step[..., None] * step[..., None, :]


def _covariance(then: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """The mean of Σ (x − loc)(x − loc)ᵀ, in the form that the law takes it."""

    def solve(numerator: Array, denominator: Array, old: Array) -> Array:
        seen = denominator > 0
        eye = jnp.broadcast_to(jnp.eye(old.shape[-1], dtype=old.dtype), numerator.shape)
        spread = jnp.where(seen, numerator / jnp.where(seen, denominator, 1.0), eye)
        return jnp.where(seen, then(spread), old)

    return solve


SPREADS = {
    "scale_tril": jnp.linalg.cholesky,
    "covariance_matrix": lambda spread: spread,
    "precision_matrix": jnp.linalg.inv,
}


implements("sufficient", "MultivariateNormal")(
    Family(
        _scatter,
        {
            "loc": Update(
                _weighed_sum,
                lambda sums, at, new: sums[0][..., None, None] * _precision(new),
                _solved,
            ),
            **{
                name: Update(
                    _outer, lambda sums, at, new: sums[0][..., None, None], _covariance(then)
                )
                for name, then in SPREADS.items()
            },
        },
    )
)


# ── counts ───────────────────────────────────────────────────────────────────────────────────────


def _itself(x: Array, _: Arguments) -> Sums:
    x = jnp.asarray(x, jnp.result_type(float))
    return jnp.ones_like(x), x


def _odds(numerator: Array, denominator: Array, old: Array) -> Array:
    share = jnp.clip(_ratio(numerator, denominator, jax.nn.sigmoid(old)), NEVER, 1 - NEVER)
    return jnp.log(share) - jnp.log1p(-share)


MEAN = Update(_first, _count)
implements("sufficient", "Bernoulli")(
    Family(_itself, {"probs": MEAN, "logits": Update(_first, _count, _odds)})
)
implements("sufficient", "Poisson")(Family(_itself, {"rate": MEAN}))
implements("sufficient", "Exponential")(Family(_itself, {"rate": Update(_count, _first)}))


def _classes(x: Array, at: Arguments) -> Sums:
    levels = next(iter(at.values())).shape[-1]
    classes = jnp.asarray(x, jnp.int32)
    return (jax.nn.one_hot(classes, levels, dtype=jnp.result_type(float)),)


def _all(sums: Sums, _: Arguments, __: Arguments) -> Array:
    return sums[0].sum(-1, keepdims=True)


def _log_share(numerator: Array, denominator: Array, old: Array) -> Array:
    return jnp.log(jnp.maximum(_ratio(numerator, denominator, jax.nn.softmax(old)), NEVER))


implements("sufficient", "Categorical")(
    Family(_classes, {"probs": Update(_count, _all), "logits": Update(_count, _all, _log_share)})
)

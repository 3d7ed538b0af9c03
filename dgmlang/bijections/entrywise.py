"""Bijections that act entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from numpyro.distributions import constraints
from numpyro.distributions.transforms import (
    ExpTransform,
    ParameterFreeTransform,
    SigmoidTransform,
    SoftplusTransform,
    Transform,
)

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


class ShiftAndScale(AbstractFlow):
    """y = x exp(log_scale) + shift, with log |det| = Σ log_scale exactly."""

    leaves = ("shift", "log_scale")

    def __init__(self, shift: Array, log_scale: Array) -> None:
        self.shift, self.log_scale = shift, log_scale
        self.rank = jnp.ndim(log_scale)

    def push(self, x: Array) -> tuple[Array, Array]:
        return x * jnp.exp(self.log_scale) + self.shift, jnp.sum(self.log_scale)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return (y - self.shift) * jnp.exp(-self.log_scale), jnp.sum(self.log_scale)


class Tanh(ParameterFreeTransform[Any]):
    """y = tanh x, kept inside (−1, 1) where rounding would reach the ends, as NumPyro's sigmoid."""

    @property
    def codomain(self) -> constraints.Constraint:
        return constraints.interval(-1.0, 1.0)

    def __call__(self, x: Array) -> Array:
        last = 1.0 - float(jnp.finfo(jnp.result_type(x, float)).eps)
        return jnp.clip(jnp.tanh(x), -last, last)

    def _inverse(self, y: Array) -> Array:
        return jnp.arctanh(y)

    def log_abs_det_jacobian(self, x: Array, y: Array, intermediates: Any = None) -> Array:
        # log(1 − tanh² x) without the cancellation in 1 − tanh².
        return 2.0 * (np.log(2.0) - x - nn.softplus(-2.0 * x))


@dataclass(frozen=True)
class Scale:
    """One positive factor an entry, by its logarithm, which starts at 0."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {"log_scale": np.zeros(self.target, np.float32)}

    def transform(self, params: Params) -> ShiftAndScale:
        return ShiftAndScale(jnp.zeros_like(params["log_scale"]), jnp.asarray(params["log_scale"]))


@implements("bijection", "scale")
def scale(settings: Mapping[str, Any], site: Site, build: Builder) -> Scale:
    """`scale`: x exp(s). Source: Dinh et al. 2015, NICE, sec. 3.3, arXiv:1410.8516."""
    return Scale(site.shape)


@dataclass(frozen=True)
class Fixed:
    """A transform without parameters."""

    map: Transform[Any]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def transform(self, params: Params) -> Transform[Any]:
        return self.map


def _fixed(name: str, make: Callable[[], Transform[Any]]) -> None:
    def build(settings: Mapping[str, Any], site: Site, build: Builder) -> Fixed:
        return Fixed(make(), site.shape)

    implements("bijection", name)(build)


_fixed("sigmoid", SigmoidTransform)
_fixed("logit", lambda: SigmoidTransform().inv)
_fixed("tanh", Tanh)
_fixed("softplus", SoftplusTransform)
_fixed("exp", ExpTransform)

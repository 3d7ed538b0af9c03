"""A bijection of the last axes of an array, the same at each place of the axes in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, Bijection, pull, push, settle
from dgmlang.layers.layer import Params, Shape

Step = Callable[[Transform[Any], Array], tuple[Array, Array]]


class Mapped(AbstractFlow):
    """`inner` at each place of `axes` leading axes; their log-determinants add up."""

    leaves = ("inner",)

    def __init__(self, inner: Transform[Any], axes: int, rank: int) -> None:
        self.inner, self.axes, self.rank = inner, axes, rank

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._each(push, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._each(pull, y)

    def _each(self, step: Step, value: Array) -> tuple[Array, Array]:
        def one(entry: Array) -> tuple[Array, Array]:
            return step(self.inner, entry)

        for _ in range(self.axes):
            one = jax.vmap(one)
        result, log_det = one(value)
        return result, jnp.sum(log_det)


@dataclass(frozen=True, eq=False)
class Along:
    """`inner` mapped over the leading axes of `target`; all places share its parameters."""

    inner: Bijection
    target: Shape

    @property
    def axes(self) -> int:
        """How many axes stand in front."""
        return len(self.target) - len(self.inner.target)

    def init(self, rng: np.random.Generator) -> Params:
        return self.inner.init(rng)

    def transform(self, params: Params, **inputs: Array) -> Mapped:
        return Mapped(self.inner.transform(params, **inputs), self.axes, len(self.target))

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Every place of every example counts as an example."""
        places = int(np.prod(self.target[: self.axes]))
        flat = ys.reshape(-1, *self.inner.target)
        repeated = jax.tree.map(lambda value: jnp.repeat(value, places, axis=0), dict(inputs))
        params, xs = settle(self.inner, params, flat, repeated)
        return params, xs.reshape(ys.shape)

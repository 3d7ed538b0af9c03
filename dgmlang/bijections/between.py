"""The reals onto an open interval: y = low + (high − low) / (1 + exp(−x)), entry by entry.

Where one end is infinite, low + exp(x), or high − exp(−x).

For a latent that lies in an interval, with a guide `Normal(…) |> between(-2, 3)`: Stan's and
NumPyro's map, Stan Reference Manual 2.34, section "Lower and upper bounded scalar".
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf
from typing import Any

import jax.numpy as jnp
from jax import Array, nn
from numpyro.distributions import constraints

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.bijections.entrywise import Fixed
from dgmlang.layers.layer import Site
from dgmlang.registry import implements


class Between(AbstractFlow):
    """Kept inside the ends where rounding would reach them; the inverse is the log odds."""

    def __init__(self, low: float, high: float, rank: int) -> None:
        self.low, self.high, self.rank = low, high, rank

    @property
    def codomain(self) -> constraints.Constraint:
        return constraints.independent(constraints.interval(self.low, self.high), self.rank)

    def push(self, x: Array) -> tuple[Array, Array]:
        width, eps = self.high - self.low, float(jnp.finfo(jnp.result_type(x, float)).eps)
        # Beside an end that is far from 0 the next number is this far away, and not eps · width.
        least = eps * max(width, abs(self.low), abs(self.high))
        y = jnp.clip(self.low + width * nn.sigmoid(x), self.low + least, self.high - least)
        return y, jnp.sum(jnp.log(width) + nn.log_sigmoid(x) + nn.log_sigmoid(-x))

    def pull(self, y: Array) -> tuple[Array, Array]:
        above, below = jnp.log(y - self.low), jnp.log(self.high - y)
        return above - below, jnp.sum(above + below - jnp.log(self.high - self.low))


class Beyond(AbstractFlow):
    """The reals onto what lies above an end, y = end + exp(x), or below it, y = end − exp(−x)."""

    def __init__(self, end: float, side: int, rank: int) -> None:
        self.end, self.side, self.rank = end, side, rank

    @property
    def codomain(self) -> constraints.Constraint:
        beyond = constraints.greater_than if self.side > 0 else constraints.less_than
        return constraints.independent(beyond(self.end), self.rank)

    def push(self, x: Array) -> tuple[Array, Array]:
        least = float(jnp.finfo(jnp.result_type(x, float)).eps) * abs(self.end)
        away = jnp.maximum(jnp.exp(self.side * x), least)
        return self.end + self.side * away, self.side * jnp.sum(x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        away = jnp.log(self.side * (y - self.end))
        return self.side * away, -jnp.sum(away)


@implements("bijection", "between")
def between(settings: Mapping[str, Any], site: Site, build: Builder) -> Fixed:
    """`between(low, high)` on an array of any shape."""
    low, high = float(settings["low"]), float(settings["high"])
    rank = len(site.shape)
    if isinf(low) or isinf(high):
        flow = Beyond(low, 1, rank) if isinf(high) else Beyond(high, -1, rank)
        return Fixed(flow, site.shape)
    return Fixed(Between(low, high, rank), site.shape)

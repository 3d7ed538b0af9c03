"""The leaky rectifier: y = x above 0 and slope · x below.

Not smooth: its second derivative is 0 wherever there is one, so score matching misses the kink.

Source: Maas et al. 2013; as a bijection Tomczak & Welling 2016, arXiv:1611.09630.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.bijections.entrywise import Fixed
from dgmlang.layers.layer import Site
from dgmlang.registry import implements


class Leaky(AbstractFlow):
    """Entry by entry; log |det| is log slope for each entry below 0.

    The sign bit decides, which the least numbers keep where a comparison takes them for 0.
    """

    def __init__(self, slope: float, rank: int) -> None:
        self.slope, self.rank = slope, rank

    def push(self, x: Array) -> tuple[Array, Array]:
        return jnp.where(jnp.signbit(x), self.slope * x, x), self._log_det(x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return jnp.where(jnp.signbit(y), y / self.slope, y), self._log_det(y)

    def _log_det(self, value: Array) -> Array:
        return jnp.sum(jnp.where(jnp.signbit(value), jnp.log(self.slope), 0.0))


@implements("bijection", "leaky")
def leaky(settings: Mapping[str, Any], site: Site, build: Builder) -> Fixed:
    """`leaky(slope)` on an array of any shape."""
    return Fixed(Leaky(float(settings["slope"]), len(site.shape)), site.shape)

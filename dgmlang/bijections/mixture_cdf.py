"""Each entry made Gaussian by the cdf of a learned mixture of logistics.

    x = Φ⁻¹(F(y))   towards the base,   F(y) = Σ w_k σ((y − μ_k)/s_k)
    log |det ∂y/∂x| = Σ log φ(x) − log F′(y)

If F is the law of an entry, x is standard normal, whatever that law was; a rotation in between
(`householder`) turns what is left of the dependence into margins again. Probabilities are
logarithms of the nearer tail throughout, so nothing overflows however far out y is.

Towards the data each entry is searched between the least and the largest of its components' own
quantiles, which is exact: F(y) lies between the F_k(y) (`bracket.py`; some ten evaluations).

It starts from the data, if there are any: the μ at quantiles and the s half as wide as those are
apart. Otherwise it starts near the identity, as for normal data.

Costs `components` logistics an entry either way; K ≈ 20 do in the plane. Not for what is bounded or
has very heavy tails: F has logistic ones.

Source: Meng et al. 2020, Gaussianization flows, eq. 4–6 and sec. 3.1, arXiv:2003.01941.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from jax.scipy.special import log_ndtr, ndtri
from jax.scipy.stats import norm

from dgmlang.bijections.bijection import AbstractFlow, Builder
from dgmlang.bijections.bracket import between
from dgmlang.bijections.quantile import normal_quantile
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

WIDTH = 0.5
"""The scale of a component at first, in distances between neighbouring ones: no ripples."""

THINNEST = 0.01
"""The least scale at first, and that of an entry that does not vary, in its standard deviations."""

WIDEST = np.sqrt(3) / np.pi
"""The scale at which one logistic has the standard deviation of the data."""


class Gaussianized(AbstractFlow):
    """The mixtures of each entry; all leaves have the shape of the event and [K] behind it."""

    leaves = ("logits", "loc", "log_scale")

    def __init__(self, logits: Array, loc: Array, log_scale: Array) -> None:
        self.logits, self.loc, self.log_scale = logits, loc, log_scale
        self.rank = jnp.ndim(loc) - 1

    def pull(self, y: Array) -> tuple[Array, Array]:
        x, log_slope = self._towards_base(y)
        return x, -jnp.sum(log_slope)

    def push(self, x: Array) -> tuple[Array, Array]:
        odds = (log_ndtr(x) - log_ndtr(-x))[..., None]
        quantiles = self.loc + jnp.exp(self.log_scale) * odds
        y = between(self._with_slope, x, jnp.min(quantiles, -1), jnp.max(quantiles, -1))
        return y, self.pull(y)[1]

    def _towards_base(self, y: Array) -> tuple[Array, Array]:
        """(x, log ∂x/∂y)."""
        log_weights = nn.log_softmax(self.logits, axis=-1)
        standard = (y[..., None] - self.loc) * jnp.exp(-self.log_scale)
        below, above = nn.log_sigmoid(standard), nn.log_sigmoid(-standard)
        x = normal_quantile(
            nn.logsumexp(log_weights + below, axis=-1), nn.logsumexp(log_weights + above, axis=-1)
        )
        density = nn.logsumexp(log_weights + below + above - self.log_scale, axis=-1)
        return x, density - norm.logpdf(x)

    def _with_slope(self, y: Array) -> tuple[Array, Array]:
        x, log_slope = self._towards_base(y)
        return x, jnp.exp(log_slope)


@dataclass(frozen=True)
class MixtureCdf:
    """`components` logistics for each entry of `target`."""

    components: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        """Of normal data, whose quantiles are known."""
        middle, low, high = (ndtri(levels) for levels in self._levels)
        placed = _placed(middle, high - low, jnp.ones(()), self._gaps)
        shape = (*self.target, self.components)
        return {name: np.broadcast_to(leaf, shape).copy() for name, leaf in placed.items()}

    def transform(self, params: Params) -> Gaussianized:
        return Gaussianized(**{name: jnp.asarray(leaf) for name, leaf in params.items()})

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Components at quantiles of the examples ys [n, …]."""
        middle, low, high = (
            jnp.moveaxis(jnp.quantile(ys, levels, axis=0), 0, -1) for levels in self._levels
        )
        settled = _placed(middle, high - low, jnp.std(ys, axis=0)[..., None], self._gaps)
        return settled, jax.vmap(self.transform(settled).pull)(ys)[0]

    @property
    def _levels(self) -> tuple[Array, Array, Array]:
        """The probabilities at which components stand, and those one place to either side."""
        k = self.components
        middle = (np.arange(k) + 0.5) / k
        ends = 0.25 / k, 1 - 0.25 / k
        low, high = (np.clip(middle + side / k, *ends) for side in (-1, 1))
        return jnp.asarray(middle), jnp.asarray(low), jnp.asarray(high)

    @property
    def _gaps(self) -> Array:
        """How many places lie between the two sides of each."""
        _, low, high = self._levels
        return (high - low) * self.components


def _placed(middle: Array, spread: Array, deviation: Array, gaps: Array) -> Params:
    """Equal weights, components at `middle`, as wide as their neighbours are apart."""
    unit = jnp.where(deviation > 0, deviation, 1.0)
    gaps = gaps.reshape((1,) * (spread.ndim - 1) + gaps.shape)
    scale = jnp.clip(WIDTH * spread / gaps, THINNEST * unit, WIDEST * unit)
    return {"logits": jnp.zeros_like(middle), "loc": middle, "log_scale": jnp.log(scale)}


@implements("bijection", "mixture_cdf")
def mixture_cdf(settings: Mapping[str, Any], site: Site, build: Builder) -> MixtureCdf:
    """`mixture_cdf(components)`, a mixture for each entry of a vector."""
    return MixtureCdf(settings["components"], site.shape)

"""The cdf of a mixture of logistics, one an entry, as what a coupling or `maf` does to it.

    x = logit(F(y)) exp(a) + b   towards the base,   F(y) = Σ w_k σ((y − μ_k)/s_k)

Unlike `affine` it moves mass between modes. Probabilities are logarithms of both tails throughout,
so far out it is a straight line and nothing overflows. Towards the data y is searched between the
least and the largest of the components' own quantiles, between which F(y) must lie (`bracket.py`).

Numbers of 0 give nearly the identity: means spread over [−1, 1] and scales that make up for it,
since components that are alike would stay alike. It costs 3K + 2 outputs of the net an entry.

Source: Ho et al. 2019, Flow++, eq. 12–13 and sec. 3.2, arXiv:1902.00275.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from jaxtyping import Float

from dgmlang.bijections.bijection import AbstractFlow
from dgmlang.bijections.bracket import between
from dgmlang.registry import implements


class Mixed(AbstractFlow):
    """The mixtures [..., K] of each entry, and its `shift` (b) and `log_factor` (a)."""

    leaves = ("log_weights", "loc", "log_scale", "shift", "log_factor")

    def __init__(
        self, log_weights: Array, loc: Array, log_scale: Array, shift: Array, log_factor: Array
    ) -> None:
        self.log_weights, self.loc, self.log_scale = log_weights, loc, log_scale
        self.shift, self.log_factor = shift, log_factor
        self.rank = jnp.ndim(shift)

    def pull(self, y: Array) -> tuple[Array, Array]:
        odds, log_slope = self._odds(y)
        x = odds * jnp.exp(self.log_factor) + self.shift
        return x, -jnp.sum(log_slope + self.log_factor)

    def push(self, x: Array) -> tuple[Array, Array]:
        odds = (x - self.shift) * jnp.exp(-self.log_factor)
        quantiles = self.loc + jnp.exp(self.log_scale) * odds[..., None]
        y = between(self._with_slope, odds, jnp.min(quantiles, -1), jnp.max(quantiles, -1))
        return y, self.pull(y)[1]

    def _odds(self, y: Array) -> tuple[Array, Array]:
        """(logit F(y), log of its slope)."""
        standard = (y[..., None] - self.loc) * jnp.exp(-self.log_scale)
        below, above = nn.log_sigmoid(standard), nn.log_sigmoid(-standard)
        log_below = nn.logsumexp(self.log_weights + below, axis=-1)
        log_above = nn.logsumexp(self.log_weights + above, axis=-1)
        density = nn.logsumexp(self.log_weights + below + above - self.log_scale, axis=-1)
        return log_below - log_above, density - log_below - log_above

    def _with_slope(self, y: Array) -> tuple[Array, Array]:
        odds, log_slope = self._odds(y)
        return odds, jnp.exp(log_slope)


@implements("transform", "logistic_mixture")
@dataclass(frozen=True)
class LogisticMixture:
    """`logistic_mixture(components)`: scales lie within e⁻⁴ … e⁴ of the first, factors e⁻² … e²."""

    components: int

    @property
    def parameters(self) -> int:
        """K weights, places and scales, a shift and a factor."""
        return 3 * self.components + 2

    def __call__(self, raw: Float[Array, "n numbers"]) -> Mixed:
        k = self.components
        weights, places, scales, ends = jnp.split(raw, (k, 2 * k, 3 * k), axis=-1)
        means = np.linspace(-1.0, 1.0, k) if k > 1 else np.zeros(1)
        # The variance of a logistic is π²/3; what the means add, the scales take away.
        first = 0.5 * np.log1p(-3.0 * means.var() / np.pi**2)
        return Mixed(
            nn.log_softmax(weights, axis=-1),
            places + jnp.asarray(means[np.newaxis], raw.dtype),
            first + 4.0 * jnp.tanh(scales / 4.0),
            ends[..., 0],
            2.0 * jnp.tanh(ends[..., 1] / 2.0),
        )

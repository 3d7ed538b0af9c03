"""What a coupling does to each entry: a transform made of the numbers that its net returns."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, nn
from jaxtyping import Float

from dgmlang.bijections.entrywise import ShiftAndScale
from dgmlang.registry import implements


@implements("transform", "shift")
class Shift:
    """y = x + shift; log |det| is 0. Source: Dinh et al. 2015, NICE, eq. 4, arXiv:1410.8516."""

    parameters = 1

    def __call__(self, raw: Float[Array, "n 1"]) -> ShiftAndScale:
        return ShiftAndScale(raw[..., 0], jnp.zeros_like(raw[..., 0]))


@implements("transform", "affine")
class Affine:
    """y = x exp(s) + shift. Source: Dinh et al. 2017, RealNVP, eq. 4–8, arXiv:1605.08803.

    s = 2 tanh(raw/2) is bounded, so that no factor leaves [e⁻², e²] and training cannot run off.
    """

    parameters = 2

    def __call__(self, raw: Float[Array, "n 2"]) -> ShiftAndScale:
        return ShiftAndScale(raw[..., 0], 2.0 * jnp.tanh(raw[..., 1] / 2.0))


LEAST = 1e-6
"""The least scale, that of a net's head of kind `positive`."""

AT_ZERO = np.log(np.expm1(1.0 - LEAST))
"""What a softplus maps to 1 − LEAST."""


@implements("transform", "location_scale")
class LocationScale:
    """y = x scale + loc with scale = LEAST + softplus(raw + AT_ZERO), which is 1 where raw is 0.

    A Gaussian autoregression `x ~ Normal(f(past(x))...)` with f's heads `loc: real` and `scale:
    positive` is one `maf` with this transform: the same weights, the scale's bias less by AT_ZERO.
    Unlike that of `affine` the scale is not bounded above.

    Source: Papamakarios et al. 2017, eq. 3–4, arXiv:1705.07057.
    """

    parameters = 2

    def __call__(self, raw: Float[Array, "n 2"]) -> ShiftAndScale:
        scale = LEAST + nn.softplus(raw[..., 1] + AT_ZERO)
        return ShiftAndScale(raw[..., 0], jnp.log(scale))

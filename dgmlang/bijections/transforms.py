"""What a coupling does to each entry: a transform made of the numbers that its net returns."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
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

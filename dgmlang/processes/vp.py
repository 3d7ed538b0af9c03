"""Processes whose drift takes the data to zero: variance preserving, and its sub-variance twin.

β(t) = β_min + t (β_max − β_min), of integral B(t) = β_min t + t² (β_max − β_min)/2.

Source: Song et al. 2021, eq. 11, 29, 33, arXiv:2011.13456.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.processes.process import AbstractProcess
from dgmlang.registry import implements


@dataclass(frozen=True)
class AbstractLinearBeta(AbstractProcess):
    """dx = −½ β(t) x dt + g(t) dw, so α = exp(−½ B)."""

    beta_min: float
    beta_max: float

    def beta(self, t: ArrayLike) -> Array:
        """β(t), the rate of forgetting."""
        return self.beta_min + jnp.asarray(t) * (self.beta_max - self.beta_min)

    def elapsed(self, t: ArrayLike) -> Array:
        """B(t) = ∫₀ᵗ β."""
        t = jnp.asarray(t)
        return t * (self.beta_min + t * (0.5 * (self.beta_max - self.beta_min)))

    def signal(self, t: ArrayLike) -> Array:
        return jnp.exp(-0.5 * self.elapsed(t))

    def drift(self, x: Array, t: ArrayLike) -> Array:
        return -0.5 * self.beta(t) * x


@implements("process", "vp")
@dataclass(frozen=True)
class VariancePreserving(AbstractLinearBeta):
    """g² = β and σ² = 1 − exp(−B): data of unit variance keep it."""

    def noise(self, t: ArrayLike) -> Array:
        # 1 − α² loses all digits of float32 near 0, where σ is 1e-3.
        return jnp.sqrt(-jnp.expm1(-self.elapsed(t)))

    def diffusion(self, t: ArrayLike) -> Array:
        return jnp.sqrt(self.beta(t))


@implements("process", "subvp")
@dataclass(frozen=True)
class SubVariancePreserving(AbstractLinearBeta):
    """g² = β (1 − exp(−2B)) and σ = 1 − exp(−B): never more variance than `vp`."""

    # σ falls off like t here; at 1e-5 it is 1e-6, the rounding of a float32 of size 1.
    first_time: ClassVar[float] = 1e-3

    def noise(self, t: ArrayLike) -> Array:
        return -jnp.expm1(-self.elapsed(t))

    def diffusion(self, t: ArrayLike) -> Array:
        return jnp.sqrt(self.beta(t) * -jnp.expm1(-2.0 * self.elapsed(t)))

"""Processes whose drift takes the data to zero: variance preserving, and its sub-variance twin.

dx = −½ β(t) x dt + g(t) dw, so α = exp(−½ B) with B(t) = ∫₀ᵗ β.

Source: Song et al. 2021, eq. 11, 29, 33, arXiv:2011.13456; the cosine: Nichol & Dhariwal 2021,
eq. 17, arXiv:2102.09672.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import cos, pi, sin
from typing import ClassVar

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.processes.process import AbstractContinuous, AbstractProcess
from dgmlang.registry import implements


@dataclass(frozen=True)
class AbstractForgetting(AbstractContinuous):
    """A drift that forgets at the rate β."""

    @abstractmethod
    def beta(self, t: ArrayLike) -> Array:
        """β(t)."""

    def drift(self, x: Array, t: ArrayLike) -> Array:
        return -0.5 * self.beta(t) * x


@dataclass(frozen=True)
class AbstractLinearBeta(AbstractForgetting):
    """β(t) = β_min + t (β_max − β_min), so B(t) = β_min t + t² (β_max − β_min)/2."""

    beta_min: float
    beta_max: float

    def beta(self, t: ArrayLike) -> Array:
        return self.beta_min + jnp.asarray(t) * (self.beta_max - self.beta_min)

    def elapsed(self, t: ArrayLike) -> Array:
        """B(t)."""
        t = jnp.asarray(t)
        return t * (self.beta_min + t * (0.5 * (self.beta_max - self.beta_min)))

    def when(self, elapsed: Array) -> Array:
        """The t at which B(t) is `elapsed`: the root of a quadratic, with nothing subtracted."""
        growth = 2.0 * (self.beta_max - self.beta_min)
        return 2.0 * elapsed / (self.beta_min + jnp.sqrt(self.beta_min**2 + growth * elapsed))

    def signal(self, t: ArrayLike) -> Array:
        return jnp.exp(-0.5 * self.elapsed(t))


@dataclass(frozen=True)
class VariancePreserving(AbstractLinearBeta):
    """g² = β and σ² = 1 − exp(−B): data of unit variance keep it."""

    def noise(self, t: ArrayLike) -> Array:
        # 1 − α² loses all digits of float32 near 0, where σ is 1e-3.
        return jnp.sqrt(-jnp.expm1(-self.elapsed(t)))

    def diffusion(self, t: ArrayLike) -> Array:
        return jnp.sqrt(self.beta(t))

    def time(self, level: ArrayLike) -> Array:
        return self.when(jnp.log1p(jnp.asarray(level) ** 2))


@dataclass(frozen=True)
class CosinePreserving(AbstractForgetting):
    """g² = β and α = cos θ/cos θ₀, with θ = (t + s)/(1 + s) · π/2 for the offset s.

    The rate is infinite at time 1, where no signal is left: times end just before.
    """

    last_time: ClassVar[float] = 0.999

    offset: float

    def beta(self, t: ArrayLike) -> Array:
        return self._turn * 2.0 / jnp.tan(self._turn * (1.0 - jnp.asarray(t)))

    def signal(self, t: ArrayLike) -> Array:
        return jnp.sin(self._turn * (1.0 - jnp.asarray(t))) / cos(self._first)

    def noise(self, t: ArrayLike) -> Array:
        # sin²θ − sin²θ₀ = sin(θ − θ₀) sin(θ + θ₀): near 0 no difference of ones.
        turned = self._turn * jnp.asarray(t)
        risen = jnp.sin(turned) * jnp.sin(turned + 2.0 * self._first)
        return jnp.sqrt(risen) / cos(self._first)

    def diffusion(self, t: ArrayLike) -> Array:
        return jnp.sqrt(self.beta(t))

    def time(self, level: ArrayLike) -> Array:
        rise = jnp.sqrt(jnp.asarray(level) ** 2 + sin(self._first) ** 2)
        return (jnp.arctan(rise / cos(self._first)) - self._first) / self._turn

    @property
    def _turn(self) -> float:
        """dθ/dt."""
        return 0.5 * pi / (1.0 + self.offset)

    @property
    def _first(self) -> float:
        """θ₀."""
        return self._turn * self.offset


@implements("process", "vp")
def variance_preserving(
    beta_min: float = 0.1, beta_max: float = 20.0, cosine: float | None = None
) -> AbstractProcess:
    """By a linear rate, or by the cosine's offset s."""
    if cosine is not None:
        return CosinePreserving(cosine)
    return VariancePreserving(beta_min, beta_max)


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

    def time(self, level: ArrayLike) -> Array:
        # σ/α = 2 sinh(B/2).
        return self.when(2.0 * jnp.arcsinh(0.5 * jnp.asarray(level)))

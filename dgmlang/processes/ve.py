"""Variance exploding: the data stay, the noise grows.

Source: Song et al. 2021, eq. 9 and 30, arXiv:2011.13456.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import log, sqrt

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.processes.process import AbstractContinuous
from dgmlang.registry import implements


@dataclass(frozen=True)
class AbstractGrowing(AbstractContinuous):
    """α = 1 and no drift: σ alone says all, and g² = dσ²/dt.

    At time 0 the noise is σ_min, not 0: the law there is that of data blurred by σ_min.
    """

    @property
    @abstractmethod
    def most(self) -> float:
        """σ at time 1."""

    def signal(self, t: ArrayLike) -> Array:
        return jnp.ones_like(jnp.asarray(t, float))

    def drift(self, x: Array, t: ArrayLike) -> Array:
        return jnp.zeros_like(x)

    @property
    def prior_scale(self) -> float:
        return self.most


@implements("process", "ve")
@dataclass(frozen=True)
class VarianceExploding(AbstractGrowing):
    """σ = σ_min (σ_max/σ_min)ᵗ."""

    sigma_min: float
    sigma_max: float

    @property
    def most(self) -> float:
        return self.sigma_max

    def noise(self, t: ArrayLike) -> Array:
        return self.sigma_min * jnp.exp(jnp.asarray(t) * self._growth)

    def diffusion(self, t: ArrayLike) -> Array:
        return self.noise(t) * sqrt(2.0 * self._growth)

    def time(self, level: ArrayLike) -> Array:
        return jnp.log(jnp.asarray(level) / self.sigma_min) / self._growth

    @property
    def _growth(self) -> float:
        return log(self.sigma_max / self.sigma_min)

"""The noise levels of Karras et al.: equal steps of time are their steps of sampling.

Source: Karras et al. 2022, Elucidating the design space of diffusion-based generative models,
eq. 5 and table 1, arXiv:2206.00364.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.processes.ve import AbstractGrowing
from dgmlang.registry import implements

RHO = 7.0
"""How much denser levels lie near the data."""


@implements("process", "edm")
@dataclass(frozen=True)
class Karras(AbstractGrowing):
    """σ^(1/ρ) is linear in t, from σ_min to σ_max, with ρ = 7.

    Training draws log σ from N(−1.2, 1.2²) and weighs by (σ² + σ_data²)/(σ σ_data)², so that the
    network's targets have unit variance at every level.
    """

    weighting: ClassVar[str] = "edm"
    times: ClassVar[str] = "lognormal"

    sigma_data: float
    sigma_min: float
    sigma_max: float

    @property
    def most(self) -> float:
        return self.sigma_max

    @property
    def data_scale(self) -> float:
        return self.sigma_data

    def noise(self, t: ArrayLike) -> Array:
        return self._root(t) ** RHO

    def diffusion(self, t: ArrayLike) -> Array:
        # g² = 2 σ σ′ with σ = r^ρ, r′ constant.
        return jnp.sqrt(2.0 * RHO * self._slope * self._root(t) ** (2.0 * RHO - 1.0))

    def time(self, level: ArrayLike) -> Array:
        return (jnp.asarray(level) ** (1.0 / RHO) - self.sigma_min ** (1.0 / RHO)) / self._slope

    def _root(self, t: ArrayLike) -> Array:
        return self.sigma_min ** (1.0 / RHO) + self._slope * jnp.asarray(t)

    @property
    def _slope(self) -> float:
        return self.sigma_max ** (1.0 / RHO) - self.sigma_min ** (1.0 / RHO)

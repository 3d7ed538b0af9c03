"""A ladder of noise levels, with nothing between them.

Source: Song & Ermon 2019, Generative modeling by estimating gradients of the data distribution,
arXiv:1907.05600.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.processes.process import AbstractProcess
from dgmlang.registry import implements


@implements("process", "levels")
@dataclass(frozen=True)
class Levels(AbstractProcess):
    """α = 1, and σ at t = l/L is the l-th of L rising levels; a time between belongs to the next.

    There is no drift and no diffusion, so samplers are those that know a score and its level.
    """

    sigmas: tuple[float, ...]

    def signal(self, t: ArrayLike) -> Array:
        return jnp.ones_like(jnp.asarray(t, float))

    def noise(self, t: ArrayLike) -> Array:
        # Rounded up, but for what a division by L may have added.
        place = jnp.ceil(jnp.asarray(t, float) * len(self.sigmas) - 1e-3).astype(int) - 1
        return jnp.asarray(self.sigmas, float)[jnp.clip(place, 0, len(self.sigmas) - 1)]

    def time(self, level: ArrayLike) -> Array:
        above = jnp.searchsorted(jnp.asarray(self.sigmas, float), level)
        return (jnp.clip(above, 0, len(self.sigmas) - 1) + 1.0) / len(self.sigmas)

    def spread(self, places: ArrayLike) -> Array:
        count = len(self.sigmas)
        return jnp.clip(jnp.ceil(jnp.asarray(places) * count), 1, count) / count

    def descent(self, steps: int) -> Array:
        count = len(self.sigmas)
        jumps = min(steps, count - 1)
        places = (
            [count - round(i * (count - 1) / jumps) for i in range(jumps + 1)] if jumps else [1]
        )
        return jnp.asarray(places, float) / count

    def ladder(self, levels: int) -> Array:
        """All that there are."""
        return self.descent(len(self.sigmas))

    @property
    def prior_scale(self) -> float:
        return self.sigmas[-1]

"""Langevin steps at one noise level after the other."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.reverse import AbstractReversed, Reverse
from dgmlang.samplers.sweeps import langevin


@implements("sampler", "annealed_langevin")
@dataclass(frozen=True, eq=False)
class AnnealedLangevin(AbstractReversed):
    """`steps` steps x + ε/2 ∇ log p_t(x) + √ε z at each level, from the most noise to the least.

    ε = `step` σ², so that each level is left about equally well mixed; then a noiseless denoising.
    All levels of a ladder; of a continuous process `levels` of them, σ/α geometric. The noisy
    levels join the modes that plain Langevin dynamics would leave as they were.

    Source: Song & Ermon 2019, algorithm 1, arXiv 1907.05600; the last step: Jolicoeur-Martineau et
    al. 2021, arXiv 2009.05475.
    """

    lowered: Lowered
    steps: int = 100
    step: float = 0.2
    levels: int = 20
    guidance: float = 0.0
    filling: str = "guided"

    @property
    def note(self) -> str:
        return f"annealed Langevin, {self.steps} steps a level: biased by score and step"

    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        process = reverse.process
        times = process.ladder(self.levels)
        first, rest = jax.random.split(key)
        begin = reverse.start(first) / process.signal(times[0])

        def at_level(y: Array, place: tuple[Array, Array]) -> tuple[Array, None]:
            number, t = place
            own, signal = jax.random.fold_in(rest, number), process.signal(t)
            size = self.step * process.noise(t) ** 2

            def one(j: Array, x: Array) -> Array:
                return langevin(jax.random.fold_in(own, j), x, reverse.score(x, t), size)

            return jax.lax.fori_loop(0, self.steps, one, signal * y) / signal, None

        y, _ = jax.lax.scan(at_level, begin, (jnp.arange(len(times)), times))
        return process.signal(times[-1]) * y, jnp.asarray(len(times) * self.steps)

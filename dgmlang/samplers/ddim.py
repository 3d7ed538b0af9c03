"""Jumps from noise level to noise level."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.reverse import AbstractReversed, Reverse


@implements("sampler", "ddim")
@dataclass(frozen=True, eq=False)
class Ddim(AbstractReversed):
    """Predicts the clean x̂ and the noise ε in y = x/α, and puts less of that noise back.

    With the level l = σ/α, y′ = x̂ + √(l′² − s²) ε + s z and s = η l′/l √(l² − l′²). `eta = 0` is
    deterministic, Euler's method for the probability flow; `eta = 1` draws from the process's own
    posterior, as DDPM. Of a ladder of levels, `steps` of them, or all where there are fewer. One
    evaluation of the score a step; the error falls as one over the steps.

    Source: Song, Meng & Ermon 2021, eq. 12 and 16, arXiv 2010.02502.
    """

    lowered: Lowered
    steps: int = 50
    eta: float = 0.0
    guidance: float = 0.0
    filling: str = "guided"

    @property
    def note(self) -> str:
        return f"jumps between noise levels, {self.steps} steps: biased by score and step"

    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        process = reverse.process
        times = process.descent(self.steps)
        first, rest = jax.random.split(key)
        begin = reverse.start(first) / process.signal(times[0])

        def jump(y: Array, place: tuple[Array, Array, Array]) -> tuple[Array, None]:
            i, t, after = place
            level, lower = process.level(t), process.level(after)
            noise = reverse.noise(process.signal(t) * y, t)
            fresh = self.eta * lower / level * jnp.sqrt(jnp.maximum(level**2 - lower**2, 0.0))
            kept = jnp.sqrt(jnp.maximum(lower**2 - fresh**2, 0.0))
            z = jax.random.normal(jax.random.fold_in(rest, i), y.shape, y.dtype)
            return y + (kept - level) * noise + fresh * z, None

        count = len(times) - 1
        y, _ = jax.lax.scan(jump, begin, (jnp.arange(count), times[:-1], times[1:]))
        return process.signal(times[-1]) * y, jnp.asarray(count)

"""Predictor and corrector in turn."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.reverse import AbstractReversed, Reverse
from dgmlang.samplers.sweeps import langevin


@implements("sampler", "pc")
@dataclass(frozen=True, eq=False)
class PredictorCorrector(AbstractReversed):
    """A step of the reverse SDE, then Langevin steps at the level that it reached.

    The size of a Langevin step is ε = 2 (r σ)², with r the signal-to-noise ratio `snr`: σ is what
    the paper's ‖z‖/‖s‖ is where noise prevails. That ratio itself, of a batch or of one draw,
    would let the step depend on x, and the law would not be kept. 1 + `corrector_steps`
    evaluations of the score a step.

    Source: Song et al. 2021, algorithms 1 to 5, arXiv 2011.13456.
    """

    lowered: Lowered
    steps: int = 500
    corrector_steps: int = 1
    snr: float = 0.16
    guidance: float = 0.0
    filling: str = "guided"

    @property
    def note(self) -> str:
        return f"predictor–corrector, {self.steps} steps: biased by score and step"

    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        process = reverse.continuous
        first, rest = jax.random.split(key)
        h = (process.last_time - process.first_time) / self.steps

        def step(x: Array, i: Array) -> tuple[Array, None]:
            predicting, correcting = jax.random.split(jax.random.fold_in(rest, i))
            t = process.last_time - i.astype(x.dtype) * h
            x = reverse.back(predicting, x, t, h)
            after = jnp.maximum(t - h, process.first_time)
            size = 2.0 * 2.0 * (self.snr * process.noise(after)) ** 2

            def correct(j: Array, x: Array) -> Array:
                key = jax.random.fold_in(correcting, j)
                return langevin(key, x, reverse.score(x, after), size)

            return jax.lax.fori_loop(0, self.corrector_steps, correct, x), None

        x, _ = jax.lax.scan(step, reverse.start(first), jnp.arange(self.steps))
        return x, jnp.asarray(self.steps * (1 + self.corrector_steps))

"""Hamiltonian Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.registry import implements
from dgmlang.samplers.adapted import AbstractAdapted
from dgmlang.samplers.adjusted import LogDensity, State, evaluated, metropolis

JITTER = 0.2
"""Steps vary by this much each way, so that no trajectory comes back to where it began."""


@implements("sampler", "hmc")
@dataclass(frozen=True, eq=False)
class Hmc(AbstractAdapted):
    """Fresh momenta p ~ N(0, M), `leapfrogs` steps of H = −log p(x) + ½ pᵀM⁻¹p, then Metropolis.

    In `warmup` the common step is adapted to an acceptance of 0.8 and the diagonal of M⁻¹ to the
    variances of all chains, then both are frozen; `steps` transitions follow. A step costs
    `leapfrogs` gradients. `nuts` chooses the number of leapfrogs itself. Reported: acceptance after
    the warm-up, and the step.

    Source: Duane et al. 1987; Neal 2011, section 5.3, arXiv 1206.1901.
    """

    lowered: Lowered
    steps: int = 200
    leapfrogs: int = 10
    warmup: int = 200
    rate: ClassVar[float] = 0.8
    first: ClassVar[float] = 0.1
    scaled: ClassVar[bool] = True

    def transition(
        self, log_density: LogDensity, key: Array, state: State, step: Array, scale: Array
    ) -> tuple[State, Array]:
        first, second, third = jax.random.split(key, 3)
        momentum = jax.random.normal(first, state.x.shape, state.x.dtype)
        # The step's law does not depend on the state, so each of them leaves the law invariant.
        low, high = 1.0 - JITTER, 1.0 + JITTER
        length = step * scale * jax.random.uniform(second, (), step.dtype, low, high)

        def leap(_: Array, at: tuple[State, Array]) -> tuple[State, Array]:
            state, p = at
            p = p + 0.5 * length * state.gradient
            new = evaluated(log_density, state.x + length * p)
            return new, p + 0.5 * length * new.gradient

        new, ended = jax.lax.fori_loop(0, self.leapfrogs, leap, (state, momentum))
        log_ratio = new.log_density - state.log_density
        log_ratio += 0.5 * (jnp.sum(momentum**2) - jnp.sum(ended**2))
        return metropolis(third, log_ratio, new, state)

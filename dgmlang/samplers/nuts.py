"""The No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from numpyro.infer.hmc import HMCState, hmc

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.adjusted import LogDensity
from dgmlang.samplers.sampler import AbstractWarmed, Info
from dgmlang.samplers.target import target


@implements("sampler", "nuts")
@dataclass(frozen=True, eq=False)
class Nuts(AbstractWarmed):
    """Hamiltonian trajectories that end where they would turn back: NumPyro's kernel.

    Each chain adapts its own step (to an acceptance of 0.8) and diagonal mass in `warmup`; `steps`
    transitions follow. A transition costs up to 2¹⁰ gradients, and all chains wait for the longest.
    Reported: acceptance, step and gradients a transition, means over the chains.

    Source: Hoffman & Gelman 2014, arXiv 1111.4246; Betancourt 2017, arXiv 1701.02434.
    """

    lowered: Lowered
    warmup: int = 500
    steps: int = 100

    def start(self, params: Params, key: Array, n: int, given: Values) -> HMCState:
        free = target(self.lowered, given)
        first, second = jax.random.split(key)
        x = jax.random.normal(first, (n, free.size))

        def one(key: Array, x: Array, given: Values) -> HMCState:
            begin, _ = self._kernel(free.log_density(params, given))
            return begin(key, x)

        axes = (0, 0, 0 if given else None)
        return jax.vmap(one, in_axes=axes)(jax.random.split(second, n), x, given)

    def move(
        self, params: Params, key: Array, i: Array, state: HMCState, given: Values
    ) -> HMCState:
        free = target(self.lowered, given)

        def one(state: HMCState, given: Values) -> HMCState:
            begin, go = self._kernel(free.log_density(params, given))
            begin(state.rng_key, state.z)  # binds NumPyro's adaptation; what it computes is dropped
            return go(state)

        return jax.vmap(one, in_axes=(0, 0 if given else None))(state, given)

    def values(self, state: HMCState, given: Values) -> Values:
        free = target(self.lowered, given)
        return {**jax.vmap(free.unflat)(state.z), **given}

    def facts(self, state: HMCState) -> Info:
        found = {
            "acceptance": state.mean_accept_prob,
            "step": state.adapt_state.step_size,
            "gradients": state.num_steps.astype(state.mean_accept_prob.dtype),
        }
        return {name: jnp.mean(each) for name, each in found.items()}

    def _kernel(
        self, log_density: LogDensity
    ) -> tuple[Callable[[Array, Array], HMCState], Callable[[HMCState], HMCState]]:
        """NumPyro's start and transition for one density."""
        begin, go = hmc(lambda x: -log_density(x), algo="NUTS")

        def started(key: Array, x: Array) -> HMCState:
            found: Any = begin(x, self.warmup, rng_key=key)
            return found

        return started, go

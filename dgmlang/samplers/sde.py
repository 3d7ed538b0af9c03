"""The reverse-time stochastic differential equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.reverse import Reverse, by_solver, euler_maruyama, solver_named
from dgmlang.samplers.sampler import AbstractDirect, Info


@implements("sampler", "sde")
@dataclass(frozen=True, eq=False)
class Sde(AbstractDirect):
    """dx = [f − g² ∇ log p_t] dt + g dw̄ from t = 1 to the first time, then a noiseless denoising.

    One evaluation of the score a step (`Euler`). Other solvers of Diffrax may take more; they run
    at the same fixed steps, on a virtual Brownian tree.

    Source: Anderson 1982; Song et al. 2021, eq. 6, arXiv 2011.13456.
    """

    lowered: Lowered
    solver: str = "Euler"
    steps: int = 500

    @property
    def note(self) -> str:
        return f"reverse SDE, {self.steps} steps of {self.solver}: biased by score and step"

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        def one(key: Array, given: Values) -> Values:
            reverse = Reverse(self.lowered, params, given)
            t = jnp.asarray(reverse.process.first_time)
            x = reverse.denoised(self._simulated(reverse, key), t)
            return {reverse.name: x.reshape(reverse.shape)}

        return {**jax.vmap(one)(keys, given), **given}, {}

    def _simulated(self, reverse: Reverse, key: Array) -> Array:
        if self.solver == "Euler":
            return euler_maruyama(reverse, key, self.steps)
        return by_solver(reverse, key, solver_named(self.solver), self.steps)

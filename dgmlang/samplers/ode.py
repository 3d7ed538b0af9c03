"""The probability-flow ordinary differential equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.reverse import Reverse, by_flow, solver_named
from dgmlang.samplers.sampler import AbstractDirect, Info


@implements("sampler", "ode")
@dataclass(frozen=True, eq=False)
class Ode(AbstractDirect):
    """dx/dt = f − ½ g² ∇ log p_t from noise at t = 1 to the first time.

    Only the start is random. Steps are adapted to each draw; a batch runs as long as its slowest.
    Reported: the mean number of steps.

    Source: Song et al. 2021, eq. 13, arXiv 2011.13456.
    """

    lowered: Lowered
    solver: str = "Tsit5"
    rtol: float = 1e-5
    atol: float = 1e-5

    @property
    def note(self) -> str:
        return f"probability-flow ODE, {self.solver} at rtol {self.rtol:g}: biased by the score"

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        solver = solver_named(self.solver)

        def one(key: Array, given: Values) -> tuple[Values, Array]:
            reverse = Reverse(self.lowered, params, given)
            x, steps = by_flow(reverse, reverse.start(key), solver, self.rtol, self.atol)
            return {reverse.name: x.reshape(reverse.shape)}, steps

        drawn, steps = jax.vmap(one)(keys, given)
        return {**drawn, **given}, {"steps": jnp.mean(steps)}

"""Metropolis-adjusted Langevin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.adjusted import TARGET, LogDensity, State, evaluated, transition
from dgmlang.samplers.chains import begin, last_keys, thirds
from dgmlang.samplers.sampler import AbstractChain, Info, Statistic
from dgmlang.samplers.target import completed, target


@implements("sampler", "mala")
@dataclass(frozen=True, eq=False)
class Mala(AbstractChain):
    """Langevin proposals, accepted or refused so that the law is left invariant.

    Chains start at noise of the variables' kinds. In `warmup` their common step is adapted to an
    acceptance of 0.574, then frozen; `steps` transitions follow. Variables that are given stay, and
    the others are drawn from their conditional law. Reported: acceptance after the warm-up, and the
    step.

    Source: Roberts & Tweedie 1996; Roberts & Rosenthal 1998.
    """

    lowered: Lowered
    steps: int = 1000
    warmup: int = 500

    @property
    def note(self) -> str:
        return "Markov chain, exact as the number of steps grows"

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        if not target(self.lowered, given).free:  # only what chains sum out is left to be drawn
            return completed(self.lowered, params, last_keys(keys), dict(given), given), {}
        states, info = self._settled(params, keys, given)
        ends = {**jax.vmap(target(self.lowered, given).unflat)(states.x), **given}
        return completed(self.lowered, params, last_keys(keys), ends, given), info

    def trace(
        self, params: Params, keys: Array, sweeps: int, given: Values, statistic: Statistic
    ) -> Any:
        states, info = self._settled(params, keys, given)
        later, free = thirds(keys)[2], target(self.lowered, given)

        def one(states: State, i: Array) -> tuple[State, Any]:
            states, _ = self._step(params, given, _at(later, i), states, info["step"])
            values = {**jax.vmap(free.unflat)(states.x), **given}
            return states, jax.vmap(statistic)(values)

        recorded = jax.lax.scan(one, states, jnp.arange(sweeps))[1]
        return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), recorded)

    def _settled(self, params: Params, keys: Array, given: Values) -> tuple[State, Info]:
        """The chains after warm-up and `steps` transitions."""
        start, burn, after = thirds(keys)
        free = target(self.lowered, given)
        values = begin({v.name: v for v in free.free}, start, {})
        states = jax.vmap(self._evaluated, in_axes=(None, 0, 0 if given else None))(
            params, jax.vmap(free.flat)(values), given
        )

        def warm(carry: tuple[State, Array], i: Array) -> tuple[tuple[State, Array], None]:
            states, log_step = carry
            states, rates = self._step(params, given, _at(burn, i), states, jnp.exp(log_step))
            gain = (i + 1.0) ** -0.6
            return (states, log_step + gain * (jnp.mean(rates) - TARGET)), None

        first = jnp.log(jnp.asarray(0.5, states.x.dtype))
        (states, log_step), _ = jax.lax.scan(warm, (states, first), jnp.arange(self.warmup))

        def go(states: State, i: Array) -> tuple[State, Array]:
            return self._step(params, given, _at(after, i), states, jnp.exp(log_step))

        states, rates = jax.lax.scan(go, states, jnp.arange(self.steps))
        return states, {"acceptance": jnp.mean(rates), "step": jnp.exp(log_step)}

    def _step(
        self, params: Params, given: Values, keys: Array, states: State, step: Array
    ) -> tuple[State, Array]:
        """One transition of every chain, and each one's probability of acceptance."""
        one = jax.vmap(self._transition, in_axes=(None, 0 if given else None, 0, 0, None))
        return one(params, given, keys, states, step)

    def _transition(
        self, params: Params, given: Values, key: Array, state: State, step: Array
    ) -> tuple[State, Array]:
        return transition(self._log_density(params, given), key, state, step)

    def _evaluated(self, params: Params, x: Array, given: Values) -> State:
        return evaluated(self._log_density(params, given), x)

    def _log_density(self, params: Params, given: Values) -> LogDensity:
        return target(self.lowered, given).log_density(params, given)


def _at(keys: Array, i: Array) -> Array:
    """Each chain's key of transition i."""
    return jax.vmap(lambda key: jax.random.fold_in(key, i))(keys)

"""Metropolis-adjusted Langevin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import data_names, shape_of
from dgmlang.registry import implements
from dgmlang.samplers.adjusted import TARGET, LogDensity, State, evaluated, transition
from dgmlang.samplers.chains import begin, thirds
from dgmlang.samplers.sampler import AbstractChain, Info, Statistic


@implements("sampler", "mala")
@dataclass(frozen=True, eq=False)
class Mala(AbstractChain):
    """Langevin proposals, accepted or refused so that the law is left invariant.

    Chains start at noise of the variables' kinds. In `warmup` their common step is adapted to an
    acceptance of 0.574, then frozen; `steps` transitions follow. Reported: acceptance after the
    warm-up, and the step.

    Source: Roberts & Tweedie 1996; Roberts & Rosenthal 1998.
    """

    lowered: Lowered
    steps: int = 1000
    warmup: int = 500

    @property
    def note(self) -> str:
        return "Markov chain, exact as the number of steps grows"

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        states, info = self._settled(params, keys, given)
        return {**jax.vmap(self._unflat)(states.x), **given}, info

    def trace(
        self, params: Params, keys: Array, sweeps: int, given: Values, statistic: Statistic
    ) -> Any:
        states, info = self._settled(params, keys, given)
        later = thirds(keys)[2]

        def one(states: State, i: Array) -> tuple[State, Any]:
            states, _ = self._step(params, given, _at(later, i), states, info["step"])
            values = {**jax.vmap(self._unflat)(states.x), **given}
            return states, jax.vmap(statistic)(values)

        recorded = jax.lax.scan(one, states, jnp.arange(sweeps))[1]
        return jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), recorded)

    def _settled(self, params: Params, keys: Array, given: Values) -> tuple[State, Info]:
        """The chains after warm-up and `steps` transitions."""
        start, burn, after = thirds(keys)
        variables = {v.name: v for v in self.lowered.program.having("data")}
        values = begin(variables, start, given)
        flat = jax.vmap(lambda v: ravel_pytree({n: v[n] for n in data_names(self.lowered)})[0])
        states = jax.vmap(self._evaluated, in_axes=(None, 0, 0 if given else None))(
            params, flat(values), given
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
        return lambda x: self.lowered.log_prob(params, {**given, **self._unflat(x)})

    def _unflat(self, x: Array) -> Values:
        """The data variables from their values laid end to end."""
        variables = self.lowered.program.having("data")
        return _unravel({v.name: jnp.zeros(shape_of(v), x.dtype) for v in variables})(x)


def _unravel(like: Values) -> Any:
    return ravel_pytree(like)[1]


def _at(keys: Array, i: Array) -> Array:
    """Each chain's key of transition i."""
    return jax.vmap(lambda key: jax.random.fold_in(key, i))(keys)

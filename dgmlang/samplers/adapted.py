"""Chains along gradients whose step, and scales where wanted, are adapted in the warm-up only.

The common log step of all chains follows the acceptance, log ε ← log ε + (t + 1)^−0.6 (a − a*)
(Robbins & Monro 1951), and is frozen after the warm-up, so that what is recorded is one Markov
chain. Scales are the standard deviations of all chains' states in the second quarter of the
warm-up, drawn towards one as Stan does; the step then adapts anew.

Source: Andrieu & Thoms 2008, algorithm 4; Stan reference manual, section 15.2.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.adjusted import LogDensity, State, evaluated
from dgmlang.samplers.sampler import AbstractWarmed, Info
from dgmlang.samplers.target import Target, target


class Moments(NamedTuple):
    """The running number, mean and sum of squared deviations [d] of states (Welford 1962)."""

    states: Array
    mean: Array
    squares: Array

    def with_states(self, x: Array) -> Moments:
        """The moments with the states x [n, d] taken in (Chan et al. 1983, eq. 2.1)."""
        n, mean = x.shape[0], jnp.mean(x, axis=0)
        total, apart = self.states + n, mean - self.mean
        squares = jnp.sum((x - mean[None]) ** 2, axis=0) + apart**2 * self.states * n / total
        return Moments(total, self.mean + apart * n / total, self.squares + squares)

    def scale(self) -> Array:
        """Standard deviations, drawn towards one while there are few states."""
        variance = self.squares / jnp.maximum(self.states - 1.0, 1.0)
        weight = self.states / (self.states + 5.0)
        return jnp.sqrt(weight * variance + 1e-3 * (1.0 - weight))


class Walk(NamedTuple):
    """All chains, what they are moved by, and what is known of them.

    Attributes:
        chains: Their states [n, …].
        log_step: log ε, one for all.
        scale: The scales [d] in which steps are taken.
        moments: Of the states that the scales are read from.
        accepted: Σ of mean acceptances after the warm-up.
        counted: The number of those.
    """

    chains: State
    log_step: Array
    scale: Array
    moments: Moments
    accepted: Array
    counted: Array


class AbstractAdapted(AbstractWarmed):
    """Chains of flat states; a subclass gives one transition and what it aims at.

    Attributes:
        rate: The acceptance that the step aims at.
        first: The step before it is adapted.
        scaled: Whether scales are adapted too.
    """

    lowered: Lowered
    rate: ClassVar[float]
    first: ClassVar[float]
    scaled: ClassVar[bool] = False

    @abstractmethod
    def transition(
        self, log_density: LogDensity, key: Array, state: State, step: Array, scale: Array
    ) -> tuple[State, Array]:
        """One transition of one chain, and its probability of acceptance."""

    def start(self, params: Params, key: Array, n: int, given: Values) -> Walk:
        free = target(self.lowered, given)
        x = jax.random.normal(key, (n, free.size))
        at = jax.vmap(partial(self._evaluated, free, params), in_axes=(0, _axis(given)))
        zero = jnp.zeros(x.shape[1:], x.dtype)
        none = jnp.zeros((), x.dtype)
        log_step = jnp.log(jnp.asarray(self.first, x.dtype))
        moments = Moments(none, zero, zero)
        return Walk(at(x, given), log_step, jnp.ones_like(zero), moments, none, none)

    def move(self, params: Params, key: Array, i: Array, state: Walk, given: Values) -> Walk:
        free, keys = target(self.lowered, given), jax.random.split(key, state.chains.x.shape[0])

        def one(key: Array, chain: State, given: Values) -> tuple[State, Array]:
            density = free.log_density(params, given)
            return self.transition(density, key, chain, jnp.exp(state.log_step), state.scale)

        chains, rates = jax.vmap(one, in_axes=(0, 0, _axis(given)))(keys, state.chains, given)
        return self._adapted(state._replace(chains=chains), jnp.mean(rates), i)

    def values(self, state: Walk, given: Values) -> Values:
        free = target(self.lowered, given)
        return {**jax.vmap(free.unflat)(state.chains.x), **given}

    def facts(self, state: Walk) -> Info:
        rate = state.accepted / jnp.maximum(state.counted, 1.0)
        return {"acceptance": rate, "step": jnp.exp(state.log_step)}

    def _evaluated(self, free: Target, params: Params, x: Array, given: Values) -> State:
        return evaluated(free.log_density(params, given), x)

    def _adapted(self, state: Walk, rate: Array, i: Array) -> Walk:
        """What the acceptance of transition i says about the next one's step."""
        half = self.warmup // 2 if self.scaled else 0
        since = jnp.where(i < half, i, i - half)
        gain = jnp.where(i < self.warmup, (since + 1.0) ** -0.6, 0.0)
        after = (i >= self.warmup).astype(rate.dtype)
        state = state._replace(
            log_step=state.log_step + gain * (rate - self.rate),
            accepted=state.accepted + after * rate,
            counted=state.counted + after,
        )
        return self._rescaled(state, i, half) if self.scaled else state

    def _rescaled(self, state: Walk, i: Array, half: int) -> Walk:
        """Scales from the states of the second quarter of the warm-up, when it is over."""
        seen = state.moments.with_states(state.chains.x)
        looking = (i >= half // 2) & (i < half)
        moments = jax.tree.map(lambda new, old: jnp.where(looking, new, old), seen, state.moments)
        over = (i == half - 1) & (moments.states > 1)
        scale = jnp.where(over, moments.scale(), state.scale)
        # Steps of size ε in the old scales were as long as these in the new.
        shift = jnp.mean(jnp.log(scale) - jnp.log(state.scale))
        return state._replace(moments=moments, scale=scale, log_step=state.log_step - shift)


def _axis(given: Values) -> int | None:
    return 0 if given else None

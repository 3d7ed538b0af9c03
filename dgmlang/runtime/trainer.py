"""The compiled functions of training: many optimiser steps in one call.

Data, seed and step numbers are arguments, so a second fit of the same shapes and configuration
compiles nothing. The steps of one call run in a `while_loop` whose end is an argument too: calls of
any length share one program, and where they begin and end cannot change a number.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.batch import mean
from dgmlang.objectives.objective import Params, State, Values, nothing, stateless
from dgmlang.objectives.priors import COUNT
from dgmlang.runtime import batches
from dgmlang.runtime import step as steps
from dgmlang.runtime.blocks import blocks
from dgmlang.runtime.keys import Purpose, purpose
from dgmlang.runtime.step import Carry, Configuration, Given

T = TypeVar("T")

LOOKED_AT = 10_000
"""How many examples companions and an objective's starting state may look at."""


WATCHED = 1_000
"""How many examples monitors look at."""


class Trainer:
    """The jitted functions of one configuration; `trainer` keeps the last few."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self.traces = 0
        """How often `advance` was traced; a test holds that fits of one shape share a trace."""
        self._open = jax.jit(self._opened)
        self._order = jax.jit(self._ordered)
        self._advance = jax.jit(self._advanced, donate_argnums=0, static_argnums=3)
        self._copy = jax.jit(partial(jax.tree.map, jnp.copy))
        self._finite = jax.jit(steps.finite)
        self._validate = jax.jit(self._validated)
        self._freeze = jax.jit(self._frozen)

    def begin(self, params: Params, given: Given, total: float | None = None) -> Carry:
        """The carry before the first step, with companions and the objective's own state.

        `total`: what the examples weigh together; None where each weighs one.
        """
        objective = self.config.objective
        looks = (
            objective.companions is not nothing
            or objective.start is not stateless
            or objective.rows is not None
        )
        seen = self.prepared(given, sample(given.data, LOOKED_AT)) if looks else {}
        first = jax.tree.map(jnp.asarray, params)
        key = purpose(given.key, Purpose.COMPANIONS)
        first |= objective.companions(key, seen)
        if objective.rows is not None:
            first |= objective.rows(jax.random.fold_in(key, 1), seen, batches.length(given.data))
        for player in objective.players:
            if not self.config.owned(player, first):
                raise DgmError(codes.nothing_moves(player.name))
        state = objective.start(purpose(given.key, Purpose.START), first, seen)
        if COUNT in state:  # the objective saw some of the examples only
            state |= {COUNT: jnp.asarray(float(total or batches.length(given.data)))}
        return self._open(first, state, given)

    def compile(self, carry: Carry, given: Given, *, careful: bool = False) -> None:
        """Compile `advance` for arguments of these shapes; the data may be on the host still."""
        self._advance.lower(carry, given, jnp.int32(0), careful).compile()

    def advance(self, carry: Carry, given: Given, stop: int, *, careful: bool = False) -> Carry:
        """The carry after step `stop`, or where a value was not finite: `sound` tells.

        Donates the carry's buffers. `careful` steps stop before the update that failed.
        """
        return self._advance(carry, given, jnp.int32(stop), careful)

    def sound(self, carry: Carry) -> bool:
        """Whether no loss failed and the parameters are finite."""
        return int(carry.failed) < 0 and bool(self._finite(carry.params))

    def copy(self, tree: T) -> T:
        """The arrays in buffers of their own, which a donated call leaves alone."""
        return self._copy(tree)

    def validate(self, params: Params, given: Given, values: Values) -> Array:
        """The mean held-out loss of prepared values, under the same keys every time."""
        return self._validate(params, given.key, values)

    def prepared(self, given: Given, values: Values) -> Values:
        """The values as the model sees them, random steps frozen by the seed."""
        if self.config.prepare is None:
            return values
        parts = [
            self._freeze(given, {n: a[rows] for n, a in values.items()}, jnp.int32(rows.start))
            for rows in blocks(batches.length(values))
        ]
        return jax.tree.map(lambda *found: jnp.concatenate(found), *parts)

    def order(self, given: Given, step: int) -> Array:
        """The order of the examples in the epoch of a step's first batch."""
        return self._order(given, jnp.int32(step * self.config.draws))

    def failed_batch(self, carry: Carry, given: Given) -> tuple[Values, Array]:
        """The first batch and key of the player that failed in the carry's step."""
        number = carry.step * self.config.draws + self.config.offset(int(carry.failed))
        order = self._order(given, number)
        _, batch, key = steps.batch_at(self.config, given, order, number)
        return batch, key

    def _opened(self, first: Params, state: State, given: Given) -> Carry:
        """The parameters in buffers of their own, since `advance` donates them."""
        config, params = self.config, jax.tree.map(jnp.copy, first)
        moments = tuple(
            optimizer.init(config.owned(player, params))
            for optimizer, player in zip(config.optimizers, config.objective.players, strict=True)
        )
        average = {} if config.average is None else jax.tree.map(jnp.copy, first)
        order = jnp.arange(batches.length(given.data), dtype=jnp.int32)
        carry = Carry(params, moments, state, average, order, jnp.int32(0), {}, jnp.int32(-1))
        return carry._replace(sums=steps.no_sums(config, given, carry))

    def _ordered(self, given: Given, number: Array) -> Array:
        count = batches.length(given.data)
        epoch = batches.epoch(number, count, self.config.batch)
        return batches.order_of(purpose(given.key, Purpose.SHUFFLE, epoch), count)

    def _advanced(self, carry: Carry, given: Given, stop: Array, careful: bool) -> Carry:
        self.traces += 1
        body = partial(steps.step, self.config, given, careful=careful)
        return lax.while_loop(lambda c: (c.step < stop) & (c.failed < 0), body, carry)

    def _frozen(self, given: Given, values: Values, start: Array) -> Values:
        """As `Preparation.frozen` does, whose key of a block this is."""
        key = jax.random.fold_in(purpose(given.key, Purpose.FREEZE), start)
        assert self.config.prepare is not None
        return self.config.prepare.apply(given.states, values, key)

    def _validated(self, params: Params, key: Array, values: Values) -> Array:
        """Whole batches one after the other, so that memory is a batch's; then the remainder."""
        loss = self.config.objective.validate
        assert loss is not None
        count, size = batches.length(values), self.config.batch
        whole = count // size

        def average(start: Any, rows: int) -> Array:
            part = {n: lax.dynamic_slice_in_dim(a, start, rows) for n, a in values.items()}
            return mean(loss(params, part, purpose(key, Purpose.VALIDATE, start)), part)

        total = jnp.float32(0)
        if whole:
            total += jnp.sum(lax.map(lambda i: average(i * size, size), jnp.arange(whole))) * size
        if count % size:
            total += average(whole * size, count % size) * (count % size)
        return total / count


def sample(data: Values, most: int = WATCHED) -> Values:
    """At most so many examples, evenly spaced."""
    stride = -(-batches.length(data) // most)
    return {name: jnp.asarray(array[::stride]) for name, array in data.items()}


@lru_cache(maxsize=16)
def trainer(config: Configuration) -> Trainer:
    """The trainer of this configuration, from before where there was one."""
    return Trainer(config)

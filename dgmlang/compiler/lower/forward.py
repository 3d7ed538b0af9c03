"""Finite latents of loops, summed turn by turn: plates at once, chains by the forward algorithm.

The laws that read the latents give, for each turn, a table of log densities over the states at that
turn and up to `lag` turns before. All values are logarithms: no product of many turns underflows.
Source: Rabiner 1989, eqs. 18-21; for longer lags the state is the window of the last `lag` states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Turns
from dgmlang.compiler.lower.counted import counted
from dgmlang.compiler.lower.domains import choices, dtype
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import log_density, log_density_of
from dgmlang.compiler.lower.lengths import before as standing
from dgmlang.compiler.lower.lengths import turns as count_turns
from dgmlang.compiler.lower.missing import agrees
from dgmlang.compiler.lower.turns import at_turns, ends, hoisted, lengths, places
from dgmlang.compiler.program import Counter, Index, Law, Read, Repeated
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import arguments, walk

Bias = Mapping[Turns, Array]
"""Log weights added to each joint state at each turn: the gradient there is its posterior."""


Fold = Callable[[Array, int], Array]
"""(table, axis) → what takes the place of all states along the axis: their log sum, or the top."""


def log_sum(table: Array, axis: int) -> Array:
    """Log Σ exp along an axis, with gradient 0 where all is impossible."""
    top = jax.lax.stop_gradient(jnp.max(table, axis=axis, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    total = jnp.sum(jnp.exp(table - top), axis=axis)
    possible = total > 0
    log = jnp.log(jnp.where(possible, total, 1.0)) + jnp.squeeze(top, axis)
    return jnp.where(possible, log, -jnp.inf)


def highest(table: Array, axis: int) -> Array:
    """The maximum along an axis; its gradient is 1 at the first of those that reach it."""
    first = jnp.expand_dims(jnp.argmax(table, axis=axis), axis)
    return jnp.squeeze(jnp.take_along_axis(table, first, axis), axis)


def turn_sums(
    inside: Evaluation, turns: Turns, bias: Bias | None = None, fold: Fold = log_sum
) -> Array:
    """Log Σ over the latents' states of the product of the laws that read them.

    With `highest` it is the maximum over the states (Viterbi 1967): the sum's algebra is all that
    the forward algorithm rests on.
    """
    now, before = _tables(inside, turns)
    states = now.shape[-1]
    if bias is not None:
        now = now + bias[turns]
    each = _forward(now, before, turns, fold) if turns.lag else fold(now, -1)
    # Behind the end of a sequence all states are alike, and what folding them yields is taken off.
    ended = jnp.sum(~_counted(inside, turns.variables[0]))
    return jnp.sum(each) - ended * fold(jnp.zeros(states, now.dtype), 0)


def _counted(inside: Evaluation, latent: str) -> Array:
    """The turns of a latent's loops that stand before the end of a sequence."""
    shape = lengths(_law(inside, latent).loops)
    if latent not in inside.built.lengths:
        return jnp.ones(shape, bool)
    return standing(count_turns(inside, latent), jnp.zeros(shape))


def _forward(now: Array, before: Array, turns: Turns, fold: Fold) -> Array:
    """Log p along the chain, one number for each turn of the other loops.

    α(s_{t-lag+1} … s_t) = now(s_t) · Σ_{s_{t-lag}} α(s_{t-lag} … s_{t-1}) before(s_{t-lag} … s_t).
    Before the first turn the states are taken to be the first ones, which nothing reads.
    """
    lag, states = turns.lag, now.shape[-1]
    now, before = (jnp.moveaxis(table, turns.axis, 0) for table in (now, before))
    other = now.shape[1:-1]
    window = np.full((states,) * lag, -np.inf)
    window[(0,) * lag] = 0.0
    start = jnp.broadcast_to(jnp.asarray(window, now.dtype), (*other, *window.shape))

    def step(alpha: Array, tables: tuple[Array, Array]) -> tuple[Array, None]:
        here, reads = tables
        joined = fold(alpha[..., None] + reads, len(other))
        return joined + here.reshape(*other, *(1,) * (lag - 1), states), None

    last, _ = jax.lax.scan(step, start, (now, before))
    return fold(last.reshape(*other, -1), -1)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _States:
    """The values of one latent's entry in each joint state, [states, …]."""

    tables: Mapping[str, Array]
    count: int
    shape: tuple[int, ...]


def joint_states(inside: Evaluation, turns: Turns) -> _States:
    """All joint states of the latents' entries at one turn."""
    program = inside.built.program
    variables = [program.variables[name] for name in turns.variables]
    depth = _depth(inside, turns)
    shapes = [numbers(v.type.shape[depth:]) for v in variables]
    sizes = [int(np.prod(shape)) for shape in shapes]
    levels = [choices(v.type.kind) for v, n in zip(variables, sizes, strict=True) for _ in range(n)]
    every = np.array(list(product(*levels)))
    columns = np.split(every, np.cumsum(sizes)[:-1], axis=1)
    tables = {
        v.name: jnp.asarray(c.reshape(-1, *shape), dtype(v.type.kind))
        for v, c, shape in zip(variables, columns, shapes, strict=True)
    }
    loops = lengths(_law(inside, turns.variables[0]).loops)
    return _States(tables, len(every), (*loops, len(every)))


def _depth(inside: Evaluation, turns: Turns) -> int:
    return len(_law(inside, turns.variables[0]).loops)


def _law(inside: Evaluation, name: str) -> Repeated:
    law = inside.built.law(name)
    assert isinstance(law, Repeated)
    return law


def _tables(inside: Evaluation, turns: Turns) -> tuple[Array, Array]:
    """Log densities that depend on the states of one turn alone, and those that look back.

    Shapes: loops + [states], and loops + [states] · (lag + 1), the turn itself last.
    """
    states = joint_states(inside, turns)
    shape = lengths(_law(inside, turns.variables[0]).loops)
    now = jnp.zeros((*shape, states.count), jnp.result_type(float))
    before = jnp.zeros((*shape, *(1,) * (turns.lag + 1)), now.dtype)
    for name in turns.readers:
        for at, table in _of_reader(inside, turns, states, name):
            alone = all(size == 1 for size in table.shape[len(shape) : -1])
            if alone:
                now = now.at[at].add(table.reshape(*table.shape[: len(shape)], -1))
            else:
                states_of = (t.shape[len(shape) :] for t in (before, table))
                whole = (*shape, *np.broadcast_shapes(*states_of))
                before = jnp.broadcast_to(before, whole).at[at].add(table)
    return now, before


def _of_reader(
    inside: Evaluation, turns: Turns, states: _States, name: str
) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """One reader's tables, piece by piece, with where in the loops each stands."""
    law = _law(inside, name)
    known = hoisted(law, inside, frozenset(turns.variables))
    for piece in law.pieces:
        reads = _reads(piece.law, turns)
        used = {lag for _, _, lag in reads} | ({0} if name in turns.variables else set())

        def run(entry: Law, here: Evaluation, own: Any, reads=reads, used=used) -> Array:
            def at(*picked: Array) -> Array:
                values = {i: states.tables[v][picked[turns.lag - lag]] for i, v, lag in reads}
                there = here.injected(values)
                value, counts = own
                if name not in turns.variables:
                    return log_density_of(entry, value, counts, there)
                state = states.tables[name][picked[-1]]
                possible = name not in inside.values or agrees(state, value)
                log_p = jnp.where(possible, log_density(entry, state, there), -jnp.inf)
                return jnp.where(jnp.all(counts), log_p, 0.0)

            return _over_states(at, turns.lag, used, states.count)

        held = _held(inside, name, law)
        ids = frozenset(i for i, _, _ in reads)
        yield places(ends(piece), {}), at_turns(law, piece, inside, run, held, {}, known, ids)


def _held(inside: Evaluation, name: str, law: Repeated) -> Any:
    """A reader's values and which of them count; a summed latent has no values, but turns."""
    if name in inside.values:
        return counted(name, inside)
    counts = _counted(inside, name)
    return jnp.zeros(counts.shape), counts


def _over_states(at, lag: int, used: set[int], count: int) -> Array:
    """A function of the states of `lag + 1` turns as a table; length 1 where one is not read."""
    every = jnp.arange(count)
    first = jnp.zeros(1, every.dtype)
    for back in range(lag + 1):  # the innermost map is the turn itself, on the last axis
        axes = tuple(0 if place == lag - back else None for place in range(lag + 1))
        at = jax.vmap(at, axes)
    return at(*(every if lag - place in used else first for place in range(lag + 1)))


def _reads(law: Law, turns: Turns) -> list[tuple[int, str, int]]:
    """The nodes that read a latent, with its name and how many turns back."""
    found: list[tuple[int, str, int]] = []
    for node in walk(*arguments(law)):
        if isinstance(node, Index) and isinstance(node.value, Read):
            name = node.value.name
            item = node.items[turns.axis] if name in turns.variables else None
            if isinstance(item, Counter):
                found.append((id(node), name, -item.offset))
    return found

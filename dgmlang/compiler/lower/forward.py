"""Finite latents of loops, summed turn by turn: plates at once, chains by the forward algorithm.

The laws that read the latents give, for each turn, a table of log densities over the states at that
turn and up to `lag` turns before. A chain's are summed as probabilities that each turn scales
(`scaled`) where none that matters underflows, and as logarithms elsewhere.
Source: Rabiner 1989, eqs. 18-21; for longer lags the state is the window of the last `lag` states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Turns
from dgmlang.compiler.lower import scaled
from dgmlang.compiler.lower.counted import counted
from dgmlang.compiler.lower.domains import choices, dtype
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import log_density, log_density_of
from dgmlang.compiler.lower.lengths import before as standing
from dgmlang.compiler.lower.lengths import turns as count_turns
from dgmlang.compiler.lower.missing import agrees
from dgmlang.compiler.lower.scaled import Spans, Tables, newest, scan_run
from dgmlang.compiler.lower.turns import at_turns, ends, hoisted, lengths, places, reads_of
from dgmlang.compiler.program import Counter, Law, Repeated
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import arguments, children

Bias = Mapping[Turns, Any]
"""Log weights added to each joint state at each turn: the gradient there is its posterior.

Of a Gaussian chain: weights of its latents, whose gradient is their posterior mean.
"""


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
    now, runs = _tables(inside, turns)
    states = now.shape[-1]
    if bias is not None and turns in bias:
        now = now + bias[turns]
    each = _along(now, runs, turns, fold) if turns.lag else fold(now, -1)
    # Behind the end of a sequence all states are alike, and what folding them yields is taken off.
    ended = jnp.sum(~_counted(inside, turns.variables[0]))
    return jnp.sum(each) - ended * fold(jnp.zeros(states, now.dtype), 0)


def _counted(inside: Evaluation, latent: str) -> Array:
    """The turns of a latent's loops that stand before the end of a sequence."""
    shape = lengths(_law(inside, latent).loops)
    if latent not in inside.built.lengths:
        return jnp.ones(shape, bool)
    return standing(count_turns(inside, latent), jnp.zeros(shape))


@dataclass(frozen=True)
class _Run:
    """What looks back at some turns of a chain, [turns, other loops] + [states] · (lag + 1).

    A table that no turn changes stands there once, without the axes of loops: [1] + ….
    """

    start: int
    stop: int
    table: Array


def _along(now: Array, runs: Sequence[_Run], turns: Turns, fold: Fold) -> Array:
    """Log p along the chain, one number for each turn of the other loops."""
    lag, states = turns.lag, now.shape[-1]
    whole = (states,) * (lag + 1)
    tables = tuple(jnp.broadcast_to(r.table, (*r.table.shape[: -lag - 1], *whole)) for r in runs)
    spans = tuple((r.start, r.stop) for r in runs)
    now = jnp.moveaxis(now, turns.axis, 0)
    own = tuple(1 if table.ndim == now.ndim + lag else None for table in tables)

    def one(now: Array, tables: Tables) -> Array:
        if fold is log_sum:
            return log_sum_of_chain(now, tables, spans, lag)
        return logs_of_chain(now, tables, spans, lag, fold)

    for _ in now.shape[1:-1]:
        one = jax.vmap(one, (1, own))
    return one(now, tables)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def log_sum_of_chain(now: Array, tables: Tables, spans: Spans, lag: int) -> Array:
    """Log p of one chain, by scaled probabilities where those are exact.

    Its gradient has a rule, as that of `cond` would keep what either way needs.
    """
    return jax.lax.cond(
        scaled.safe(tables, lag),
        lambda: scaled.value(now, tables, spans, lag),
        lambda: logs_of_chain(now, tables, spans, lag),
    )


@log_sum_of_chain.defjvp
def _(
    spans: Spans, lag: int, primals: tuple[Array, Tables], tangents: tuple[Array, Tables]
) -> tuple[Array, Array]:
    logs = jax.value_and_grad(
        lambda now, tables: logs_of_chain(now, tables, spans, lag), argnums=(0, 1)
    )
    value, slopes = jax.lax.cond(
        scaled.safe(primals[1], lag),
        lambda: scaled.value_and_slopes(*primals, spans, lag),
        lambda: logs(*primals),
    )
    pairs = zip(jax.tree.leaves(slopes), jax.tree.leaves(tangents), strict=True)
    return value, sum((jnp.sum(s * t) for s, t in pairs), start=jnp.zeros_like(value))


def logs_of_chain(
    now: Array, tables: Tables, spans: Spans, lag: int, fold: Fold = log_sum
) -> Array:
    """Log p of one chain, in logarithms.

    α(s_{t-lag+1} … s_t) = now(s_t) · Σ_{s_{t-lag}} α(s_{t-lag} … s_{t-1}) before(s_{t-lag} … s_t).
    Before the first turn the states are taken to be the first ones, which nothing reads.
    """
    window = np.full((now.shape[1],) * lag, -np.inf)
    window[(0,) * lag] = 0.0
    alpha = jnp.asarray(window, now.dtype)

    def step(alpha: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        here, reads = row
        return fold(alpha[..., None] + reads, 0) + newest(here, lag), None

    for table, span in zip(tables, spans, strict=True):
        alpha, _ = scan_run(step, alpha, now[slice(*span)], table)
    return fold(alpha.reshape(-1), -1)


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


def _tables(inside: Evaluation, turns: Turns) -> tuple[Array, list[_Run]]:
    """Log densities that depend on the states of one turn alone, and those that look back.

    Shapes of the first: loops + [states].
    """
    states = joint_states(inside, turns)
    shape = lengths(_law(inside, turns.variables[0]).loops)
    now = jnp.zeros((*shape, states.count), jnp.result_type(float))
    back: list[_Table] = []
    for found in (t for name in turns.readers for t in _of_reader(inside, turns, states, name)):
        if all(size == 1 for size in found.states[:-1]):
            rows = found.values.reshape(*found.values.shape[: -turns.lag - 1], -1)
            now = now.at[places(found.spans, {})].add(rows)
        else:
            back.append(found)
    return now, _runs(back, shape, turns) if turns.lag else []


@dataclass(frozen=True)
class _Table:
    """One reader's log densities at the turns of a piece: those of loops, then those of states.

    `states` are the lengths of the axes of the states, 1 where one is not read.
    `same`: no turn changes them, and they have no axes of loops.
    """

    values: Array
    spans: list[tuple[int, int]]
    states: tuple[int, ...]
    same: bool


def _runs(back: Sequence[_Table], shape: tuple[int, ...], turns: Turns) -> list[_Run]:
    """What looks back, run by run along the chain."""
    nothing = jnp.zeros((1,) * (turns.lag + 2), jnp.result_type(float))
    length = shape[turns.axis]
    if not back:
        return [_Run(0, length, nothing)]
    spans = back[0].spans
    start, stop = spans[turns.axis]
    others = [(0, size) for size in shape[: turns.axis] + shape[turns.axis + 1 :]]
    everywhere = spans[: turns.axis] + spans[turns.axis + 1 :] == others
    if everywhere and all(table.same and table.spans == spans for table in back):
        once = sum((table.values[None] for table in back), start=nothing)
        ends = ((0, start, nothing), (start, stop, once), (stop, length, nothing))
        return [_Run(*run) for run in ends if run[0] < run[1]]
    states = np.broadcast_shapes(*(table.states for table in back))
    whole = jnp.zeros((*shape, *states), nothing.dtype)
    for table in back:
        values = table.values[(None,) * len(shape)] if table.same else table.values
        whole = whole.at[places(table.spans, {})].add(values)
    return [_Run(0, length, jnp.moveaxis(whole, turns.axis, 0))]


def _of_reader(inside: Evaluation, turns: Turns, states: _States, name: str) -> Iterator[_Table]:
    """One reader's tables, piece by piece."""
    law = _law(inside, name)
    known = hoisted(law, inside, frozenset(turns.variables))
    for piece in law.pieces:
        reads = reads_of(piece.law, turns)
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

        held, spans = _held(inside, name, law), ends(piece)
        ids = frozenset(i for i, _, _ in reads)
        counts = name in inside.values or name in inside.built.lengths
        same = max(used, default=0) > 0 and not counts and not _turning(piece.law, ids)
        fixed = {level: start for level, (start, _) in enumerate(spans)} if same else {}
        table = at_turns(law, piece, inside, run, held, fixed, known, ids)
        yield _Table(table, spans, table.shape[table.ndim - turns.lag - 1 :], same)


def _turning(law: Law, reads: Set[int]) -> bool:
    """Whether a law changes with the turn, but for what it reads of the latents."""
    todo = list(arguments(law))
    while todo:
        node = todo.pop()
        if isinstance(node, Counter):
            return True
        todo += () if id(node) in reads else children(node)
    return False


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

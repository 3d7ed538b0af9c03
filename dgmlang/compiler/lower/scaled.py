"""The forward algorithm with probabilities that each turn scales to one.

A turn is a product with a matrix, where logarithms would need an exponential for each entry of it.
Here a probability below the least float is lost; `safe` says where no loss can matter.
Source: Rabiner 1989, sec. V.A; the gradient by the backward pass, eqs. 24-27 and 37.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

Spans = tuple[tuple[int, int], ...]
"""The turns of each run of a chain, first and behind the last."""

Tables = tuple[Array, ...]
"""For each run the log densities that look back, [turns or 1] + [states] · (lag + 1), s_t last."""

MARGIN = 27.0
"""Log of the accuracy kept of each window of states: far below a rounding error."""


def safe(tables: Sequence[Array], lag: int) -> Array:
    """Whether scaled probabilities are exact up to rounding for these transitions.

    Let all factors that look back lie in [θ, 1], and each turn's others in [0, 1] with one of 1. A
    turn scales by θ at least, so a window that is lost weighs less than least / θ of those kept,
    and `lag` turns later none of these has lost more than θ^lag. So what was lost is at most
    least / θ^(lag + 1) of any window then, and at any later turn: sums of positive numbers never
    enlarge a relative error. Under `vmap` it is one answer for all examples, so that only one of
    the two ways runs.
    """
    least = -float(np.log(np.finfo(jnp.result_type(*tables)).tiny))
    spread = [jnp.max(t) - jnp.min(t) for t in map(jax.lax.stop_gradient, tables)]
    return _for_all((lag + 1) * jnp.max(jnp.stack(spread)) < least - MARGIN)


@custom_vmap
def _for_all(holds: Array) -> Array:
    return holds


@_for_all.def_vmap
def _(_: int, mapped: list[bool], holds: Array) -> tuple[Array, bool]:
    return _for_all(jnp.all(holds) if mapped[0] else holds), False


def value(now: Array, tables: Tables, spans: Spans, lag: int) -> Array:
    """Log Σ over all paths of exp Σ_t now[t, s_t] + before(s_{t-lag} … s_t); −∞ of none.

    Cost: a product of a window with a table a turn.

    Args:
        now: Log densities of each turn's states, [turns, states].
        tables: Log densities that look back.
        spans: The turns that each table holds for, one behind the other.
        lag: How many turns back a state is read.
    """
    return _value(_forward(now, tables, spans, lag))


def value_and_slopes(
    now: Array, tables: Tables, spans: Spans, lag: int
) -> tuple[Array, tuple[Array, Tables]]:
    """The same with its gradient: how probable each state is at each turn, and each window.

    0 where all paths are impossible. Cost: twice that of the value.
    """
    passed = _forward(now, tables, spans, lag)
    behind = jnp.ones_like(passed.after[-1][-1])
    states: list[Array] = []
    windows: list[Array] = []

    def turn(
        behind: Array, row: tuple[tuple[Array, Array], Array]
    ) -> tuple[Array, tuple[Array, Array]]:
        (seen, scale), factor = row
        weight = newest(seen, lag) * behind / jnp.where(scale > 0, scale, 1.0)
        return _back(factor, weight), (behind, weight)

    for i, (start, stop) in reversed(list(enumerate(spans))):
        factor, rows = passed.factors[i], (passed.seen[i], passed.scale[i])
        behind, (after, weight) = scan_run(turn, behind, rows, factor, reverse=True)
        each = passed.after[i] * after
        states.append(jnp.sum(each.reshape(stop - start, -1, each.shape[-1]), 1))
        over = "t" if len(factor) > 1 else ""
        both = jnp.einsum(f"ti...,t...j->{over}i...j", passed.before[i], weight)
        windows.append(both.reshape(factor.shape) * factor)
    return _value(passed), (jnp.concatenate(states[::-1]), tuple(windows[::-1]))


class _Passed(NamedTuple):
    """The forward pass, run by run: windows before and after each turn, and what scaled them."""

    before: list[Array]
    after: list[Array]
    scale: list[Array]
    seen: list[Array]
    factors: list[Array]
    tops: list[Array]


def _forward(now: Array, tables: Tables, spans: Spans, lag: int) -> _Passed:
    seen, top = _scaled(now, (1,))
    passed = _Passed([], [], [], [], [], [top])
    window = np.zeros((now.shape[1],) * lag)
    window[(0,) * lag] = 1.0
    last = jnp.asarray(window, now.dtype)

    def turn(window: Array, row: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        seen, factor = row
        each = _ahead(window, factor) * newest(seen, lag)
        scale = jnp.sum(each)
        found = each / jnp.where(scale > 0, scale, 1.0)
        return found, (window, found, scale)

    for table, (start, stop) in zip(tables, spans, strict=True):
        factor, top = _scaled(table, tuple(range(1, table.ndim)))
        here = seen[start:stop]
        last, found = scan_run(turn, last, here, factor)
        for kept, part in zip(passed, (*found, here, factor), strict=False):
            kept.append(part)
        passed.tops.append(jnp.broadcast_to(top, stop - start))
    return passed


def _value(passed: _Passed) -> Array:
    scale = jnp.concatenate(passed.scale)
    log = jnp.where(scale > 0, jnp.log(jnp.where(scale > 0, scale, 1.0)), -jnp.inf)
    return jnp.sum(log) + jnp.sum(jnp.concatenate(passed.tops))


def scan_run(
    turn: Callable[[Any, Any], tuple[Any, Any]],
    carried: Any,
    rows: Any,
    table: Array,
    *,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """A scan over (row, table of the turn), where a run may have one table for all its turns."""
    if len(table) > 1:
        return jax.lax.scan(turn, carried, (rows, table), reverse=reverse)
    return jax.lax.scan(lambda c, row: turn(c, (row, table[0])), carried, rows, reverse=reverse)


def _scaled(logs: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """The exponentials over the greatest, and its logarithm: 0 where all is impossible."""
    top = jnp.max(logs, axis=axes, keepdims=True)
    top = jnp.where(top == -jnp.inf, 0.0, top)
    return jnp.exp(logs - top), top.reshape(-1)


def newest(states: Array, lag: int) -> Array:
    """Numbers of the states of one turn beside those of the window that ends with it."""
    return states.reshape(*(1,) * (lag - 1), -1)


def _ahead(window: Array, factor: Array) -> Array:
    """Σ over the oldest state of a window: weights of the windows one turn later."""
    return jnp.einsum("i...,i...j->...j", window, factor)


def _back(factor: Array, weight: Array) -> Array:
    """Σ over the newest state."""
    return jnp.einsum("i...j,...j->i...", factor, weight)

"""Run-time checks: NaN where a value is outside, and which check is to blame for one.

Kinds are checked, and whether the iteration behind a bijection's inverse has settled.

A check costs a comparison where it stands and nothing elsewhere; that a result is NaN is seen
anyway. Only then is the computation run again, watched, to find the line and the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, pull, push
from dgmlang.compiler.derive.directions import ways
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.lower import array_checks
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.program import Checked, Stage
from dgmlang.compiler.types.kinds import Interval
from dgmlang.compiler.walk import chains

ROUNDING = 4.0
"""How many units in the last place a value may lie beyond a closed end: sums of parts of one do."""

SUM_ROUNDING = 1e-5
"""How far the sum of a simplex may lie from one: that of thousands of single floats does."""


@dataclass(frozen=True)
class Fault:
    """A check that failed, and the least and the largest value that it saw."""

    check: Checked
    low: float
    high: float

    def finding(self, *why: str) -> Diagnostic:
        """DGM0715."""
        check = self.check
        if _is_whole(check):
            words = array_checks.words(check.array, self.high)
            return codes.no_such_array(check.span, check.wanted, check.where, words, *why)
        found = (check.where, self.low, self.high, check.array == "simplex")
        return codes.out_of_range(check.span, check.wanted, *found, *why)


@dataclass(frozen=True)
class Unsettled:
    """A bijection whose iteration did not settle; `stage` is the one that iterates."""

    stage: Stage

    def finding(self, *why: str) -> Diagnostic:
        """DGM0726 or, of a differential equation, DGM0727."""
        if self.stage.extern.has("vector_field"):
            return codes.not_solved(self.stage.span, *why)
        return codes.not_settled(self.stage.span, self.stage.extern.name, *why)


@dataclass(eq=False)
class Watch:
    """Notes what checks see. With `only`, the other checks put a value inside in place of NaN."""

    only: Checked | None = None
    seen: dict[int, list[np.ndarray]] = field(default_factory=dict)
    unsettled: set[int] = field(default_factory=set)

    def note(self, check: Checked, value: Array) -> None:
        """Keep the value's least and largest entry, once the computation runs."""

        def keep(low: np.ndarray, high: np.ndarray) -> None:
            self.seen.setdefault(id(check), []).append(np.stack([low, high]))

        value = _measured(check, value)
        jax.debug.callback(keep, jnp.nanmin(value), jnp.nanmax(value))

    def over(self, stage: Stage, flow: Transform[Any]) -> Transform[Any]:
        """The bijection of a stage, noted where numbers go in and NaN comes out."""
        return Noted(flow, stage, self.unsettled) if iterating(stage) else flow

    def range(self, check: Checked) -> tuple[float, float]:
        """The least and the largest number that a check saw, NaN where it saw none."""
        noted = [pair for pair in self.seen.get(id(check), []) if not np.isnan(pair).any()]
        every = np.array(noted or [[np.nan, np.nan]])
        return float(every.min()), float(every.max())


class Noted(AbstractFlow):
    """A bijection that adds its stage to `unsettled` where it made NaN of numbers."""

    leaves = ("flow",)

    def __init__(self, flow: Transform[Any], stage: Stage, unsettled: set[int]) -> None:
        self.flow, self.stage, self.unsettled = flow, stage, unsettled
        self.rank = flow.domain.event_dim

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._note(x, push(self.flow, x))

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._note(y, pull(self.flow, y))

    def _note(self, before: Array, after: tuple[Array, Array]) -> tuple[Array, Array]:
        def keep(failed: np.ndarray) -> None:
            if failed.any():
                self.unsettled.add(id(self.stage))

        numbers = jnp.isfinite(before).all()
        jax.debug.callback(keep, numbers & jnp.isnan(after[0]).any())
        return after


def iterating(stage: Stage) -> Stage | None:
    """The first stage in one, itself included, that has a direction without a formula."""
    if stage.extern.has("vector_field") or any("iterative" in way for way in ways(stage)):
        return stage
    inner = () if stage.body is None else stage.body.stages
    return next((found for s in inner if (found := iterating(s)) is not None), None)


def checked(check: Checked, value: ArrayLike, watch: Watch | None) -> Array:
    """The value, NaN where it is outside; no gradient passes there."""
    array = jnp.asarray(value, jnp.result_type(value, float))
    interval = check.interval
    if watch is not None:
        watch.note(check, array)
    mended = watch is not None and watch.only not in (None, check)
    if _is_whole(check):
        bad = jax.lax.stop_gradient(_measured(check, array)) > 0
        bad = jnp.expand_dims(bad, tuple(range(bad.ndim, array.ndim)))
        other = array_checks.some(check.type.kind, array) if mended else jnp.nan
        return jnp.where(bad, other, array)
    if check.array == "simplex":
        total = array.sum(-1, keepdims=True)
        even = 1 / array.shape[-1] if mended else jnp.nan
        return jnp.where(_adds_up(total) | jnp.isnan(total), array, even)
    good = _inside(array, interval)
    return jnp.where(good, _clipped(array, interval), _middle(interval) if mended else jnp.nan)


def watchable(built: Built) -> bool:
    """Whether a NaN may come from a check."""
    return bool(built.checks) or any(iterating(s) for s in _outer(built))


def _outer(built: Built) -> Iterator[Stage]:
    return (stage for chain in chains(built.program) for stage in chain.stages)


def blame(built: Built, run: Callable[[Built], Any]) -> Fault | Unsettled | None:
    """The check because of which a computation's result has a NaN, or None where none is.

    Args:
        built: What the computation was run with.
        run: The computation, which must be traced anew.
    """
    watch = Watch()
    _watched(built, run, watch)
    for check in sorted(built.checks, key=lambda c: c.span.start):
        low, high = watch.range(check)
        fails = not np.isnan(low) and not all(_holds(check, end) for end in (low, high))
        if fails and has_nan(_watched(built, run, Watch(check))):
            return Fault(check, low, high)
    stuck = (iterating(s) for s in _outer(built) if id(s) in watch.unsettled)
    return next((Unsettled(stage) for stage in stuck if stage is not None), None)


def has_nan(tree: Any) -> bool:
    """Whether an array of the tree has a NaN; False while JAX traces, as values are unknown."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if not isinstance(leaf, Tracer)]
    arrays = [np.asarray(leaf) for leaf in leaves]
    return any(a.dtype.kind == "f" and bool(np.isnan(a).any()) for a in arrays)


def _watched(built: Built, run: Callable[[Built], Any], watch: Watch) -> Any:
    result = jax.block_until_ready(run(replace(built, watch=watch)))
    jax.effects_barrier()
    return result


def _holds(check: Checked, number: float) -> bool:
    if _is_whole(check):
        return number == 0
    if check.array == "simplex":
        return bool(_adds_up(jnp.asarray(number)))
    return bool(_inside(jnp.asarray(number, jnp.result_type(float)), check.interval))


def _is_whole(check: Checked) -> bool:
    """Whether an array is told by its faults, not by numbers."""
    return check.array in array_checks.FAULTS


def _measured(check: Checked, value: Array) -> Array:
    """What tells whether a check holds: the entries, their sums, or the number of a fault."""
    if _is_whole(check):
        return array_checks.fault(check.array, value)
    return value.sum(-1) if check.array == "simplex" else value


def _adds_up(total: Array) -> Array:
    return jnp.abs(total - 1) <= SUM_ROUNDING


def _clipped(value: Array, interval: Interval) -> Array:
    """Without what rounding adds beyond the ends; unlike `clip` it has gradient 1 at an end."""
    value = jnp.where(value < interval.low, interval.low, value)
    return jnp.where(value > interval.high, interval.high, value)


def _middle(interval: Interval) -> float:
    return interval.low + 0.5 * min(1.0, interval.high - interval.low)


def _inside(value: Array, interval: Interval) -> Array:
    slack = ROUNDING * float(jnp.finfo(value.dtype).eps)
    above = value > interval.low if interval.open_low else value >= interval.low - slack
    return above & (value <= interval.high + slack * abs(interval.high))

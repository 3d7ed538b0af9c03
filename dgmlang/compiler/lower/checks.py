"""Run-time checks of kinds: NaN where a value is outside, and the check that is to blame for one.

A check costs a comparison where it stands and nothing elsewhere; that a result is NaN is seen
anyway. Only then is the computation run again, watched, to find the line and the values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.program import Checked
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Interval

ROUNDING = 4.0
"""How many units in the last place a value may lie beyond a closed end: sums of parts of one do."""


@dataclass(frozen=True)
class Fault:
    """A check that failed, and the least and the largest value that it saw."""

    check: Checked
    low: float
    high: float

    @property
    def seen(self) -> tuple[Span, str, str, float, float]:
        """The place, the wanted kind, what wants it, and the range, for the words."""
        return self.check.span, self.check.wanted, self.check.where, self.low, self.high


@dataclass(eq=False)
class Watch:
    """Notes what checks see. With `only`, the other checks put a value inside in place of NaN."""

    only: Checked | None = None
    seen: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def note(self, check: Checked, value: Array) -> None:
        """Keep the value's least and largest entry, once the computation runs."""

        def keep(low: np.ndarray, high: np.ndarray) -> None:
            self.seen.setdefault(id(check), []).append(np.stack([low, high]))

        jax.debug.callback(keep, jnp.nanmin(value), jnp.nanmax(value))

    def range(self, check: Checked) -> tuple[float, float]:
        """The least and the largest number that a check saw, NaN where it saw none."""
        noted = [pair for pair in self.seen.get(id(check), []) if not np.isnan(pair).any()]
        every = np.array(noted or [[np.nan, np.nan]])
        return float(every.min()), float(every.max())


def checked(check: Checked, value: ArrayLike, watch: Watch | None) -> Array:
    """The value, NaN where it is outside; no gradient passes there."""
    array = jnp.asarray(value, jnp.result_type(value, float))
    interval = check.interval
    good = _inside(array, interval)
    if watch is not None:
        watch.note(check, array)
    mended = watch is not None and watch.only not in (None, check)
    return jnp.where(good, _clipped(array, interval), _middle(interval) if mended else jnp.nan)


def blame(built: Built, run: Callable[[Built], Any]) -> Fault | None:
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
    return None


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
    return bool(_inside(jnp.asarray(number, jnp.result_type(float)), check.interval))


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

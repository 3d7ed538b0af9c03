"""Expressions of arrays that are kept by the classes of a grid, or as levels of a one-hot.

What reads sites entry by entry, shifts them or adds them up is computed class by class, so that the
gradient by one class costs what depends on it. Everything else takes the whole array.

Many chains may stand on a last axis of their own. They then stay there, which `vmap` does not keep
up, and what needs a whole array says so with `NotByClass`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.library import Extern
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.grid import Grid, Packed
from dgmlang.compiler.program import Apply, Expr, Read
from dgmlang.registry import implementation


class NotByClass(Exception):
    """An expression of many chains that needs its arrays whole."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Levels:
    """Finite values by the weights of their levels, [sites…, levels, chains…]: a one-hot.

    A function of single levels is then a polynomial, whose slope by a weight is its value there.
    """

    weights: Array
    axis: int = field(metadata={"static": True})

    def at(self, level: Any) -> Any:
        """The weight of one level a site, or of what another's levels weigh."""
        if isinstance(level, Levels):
            return jnp.sum(self.weights * level.weights, self.axis)
        every = jax.lax.broadcasted_iota(
            jnp.int32, self.weights.shape, self.weights.ndim + self.axis
        )
        named = every == (jnp.expand_dims(level, self.axis) if jnp.ndim(level) else level)
        return jnp.sum(jnp.where(named, self.weights, 0.0), self.axis)


@dataclass(frozen=True)
class Each:
    """A number of each chain, [chains]."""

    values: Array


@dataclass(eq=False)
class OnGrid(Evaluation):
    """An evaluation whose variables may be `Packed`; `value` gives whole arrays as everywhere.

    Attributes:
        chains: Whether what is packed has an axis of chains behind its sites.
    """

    chains: bool = False

    def value(self, expr: Expr) -> Any:
        found = super().value(expr)
        if self.chains and isinstance(found, Packed | Each):
            raise NotByClass
        return found.joined() if isinstance(found, Packed) else found

    def held(self, expr: Expr) -> Any:
        """The value as it is kept."""
        return super().value(expr)

    def _compute(self, expr: Expr) -> Any:
        if isinstance(expr, Read) and isinstance(self.values.get(expr.name), Packed | Each):
            return self.values[expr.name]
        if isinstance(expr, Apply):
            args = [self.held(arg) for arg in expr.args]
            found = self._by_class(expr, args)
            if found is not None:
                return found
        return super()._compute(expr)

    def _by_class(self, expr: Apply, args: Sequence[Any]) -> Any:
        """A function of packed arrays, class by class; None where it needs them whole."""
        extern, grids = expr.extern, {a.grid for a in args if isinstance(a, Packed)}
        if not grids:
            return self._of_each(expr, args)
        (grid, *others) = grids
        if others or any(jnp.ndim(a) > len(grid.shape) for a in args if not _kept(a)):
            return None
        if extern.has("entrywise_permutation"):
            settings = expr.settings
            return args[0].shifted(settings["k"], settings["axis"] % len(grid.shape))
        if extern.has("additive") and expr.settings.get("axis") is None and len(args) == 1:
            return self._added(extern, args[0])
        if extern.has("appends_levels") and not self.chains:
            return _indicators(args[0])
        if not extern.has("entrywise") or extern.has("presence"):
            return None
        by_class = zip(*(self._classes(grid, a) for a in args), strict=True)
        return Packed(tuple(_entrywise(extern, expr.settings, each) for each in by_class), grid)

    def _of_each(self, expr: Apply, args: Sequence[Any]) -> Any:
        """An entrywise function of numbers of each chain, and of numbers that all share."""
        if not any(isinstance(a, Each) for a in args):
            return None
        if not expr.extern.has("entrywise") or any(jnp.ndim(a) for a in args if not _kept(a)):
            return None
        plain = [a.values if isinstance(a, Each) else a for a in args]
        return Each(implementation("fn", expr.extern.name)(*plain, **expr.settings))

    def _added(self, extern: Extern, value: Packed) -> Any:
        sites = tuple(range(len(value.grid.shape)))
        parts = [implementation("fn", extern.name)(one, axis=sites) for one in value.classes]
        total = sum(parts[1:], start=jnp.asarray(parts[0]))
        return Each(total) if self.chains else total

    def _classes(self, grid: Grid, value: Any) -> Sequence[Any]:
        """An argument by classes, as an entrywise function takes it."""
        if isinstance(value, Packed):
            return value.classes
        if isinstance(value, Each):
            return [value.values.reshape(*[1] * len(grid.shape), -1)] * grid.modulus
        if not jnp.ndim(value):
            return [value] * grid.modulus
        classes = grid.split(jnp.broadcast_to(value, grid.shape)).classes
        return [one[..., None] for one in classes] if self.chains else classes


def _entrywise(extern: Extern, settings: Mapping[str, Any], args: Sequence[Any]) -> Any:
    """The function of one class."""
    if not any(isinstance(a, Levels) for a in args):
        return implementation("fn", extern.name)(*args, **settings)
    left, right = args if isinstance(args[0], Levels) else reversed(args)
    agreement = left.at(right)
    return agreement if extern.argument("over_levels") == ("equal",) else 1.0 - agreement


def _indicators(value: Packed) -> Array | None:
    """The one-hot of an array of which a class is kept by levels; None without one."""
    known = next((one.weights for one in value.classes if isinstance(one, Levels)), None)
    if known is None:
        return None
    levels = known.shape[-1]
    weights = [
        one.weights if isinstance(one, Levels) else jax.nn.one_hot(one, levels, dtype=known.dtype)
        for one in value.classes
    ]
    return value.grid.join(weights)


def _kept(value: Any) -> bool:
    return isinstance(value, Packed | Each)

"""Expected sufficient statistics, as the gradient of log p(x) in a tilt of the laws.

Let each law's log density become log p(v; θ) + τ · T(v), with τ = 0. Then

    ∂ log p(x) / ∂τ = E[T(v) | x]

whichever way the latents are summed out, since a log-sum's gradient is a posterior mean. A law that
is read at indices has a τ for each of their values, so that the gradient counts each apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro import distributions as dist

from dgmlang.compiler.derive.tabular import Table, Tabular
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.program import Index
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import own_rank
from dgmlang.distributions.sufficient import Arguments, Family, Sums
from dgmlang.objectives.objective import Params
from dgmlang.registry import implementation

if TYPE_CHECKING:
    from dgmlang.compiler.lower.evaluate import Evaluation

TILTS = "tilts of laws"
"""Where τ stands among the parameters; no variable can have this name."""


@dataclass(frozen=True, eq=False)
class Tilt:
    """What tilts one law; `number` is its place in the parameters' list of tilts."""

    table: Table
    number: int

    @property
    def family(self) -> Family:
        return implementation("sufficient", self.table.family.name)

    @property
    def picked(self) -> tuple[int, ...]:
        """How many values each index has."""
        if not self.table.picks:
            return ()
        argument = self.table.arguments[next(iter(self.table.picked))]
        assert isinstance(argument, Index)
        return numbers(argument.value.type.shape[: len(self.table.picks)])

    @property
    def cells(self) -> tuple[int, ...]:
        """One for each value of the indices and each entry behind what they give."""
        return self.picked + numbers(self.table.shape[self.table.taken : self.table.rank])

    def over(
        self, entries: dist.Distribution, arguments: Arguments, inside: Evaluation
    ) -> dist.Distribution:
        """The law tilted, entry by entry."""
        return Tilted(entries, self.family, arguments, self._here(inside))

    def over_component(self, component: dist.Distribution, inside: Evaluation) -> dist.Distribution:
        """The law of a mixture's component, tilted by which it is."""
        return Weighed(component, self._here(inside)[0])

    def arguments(self, inside: Evaluation) -> dict[str, Array]:
        """The law's arguments, with the axes of the cells, of length 1 where cells share them."""
        return {name: self._spread(name, inside) for name in self.table.arguments}

    def zeros(self, inside: Evaluation) -> Sums:
        """The tilts that change nothing: an axis for each axis of the cells and the statistic."""
        event = numbers(self.table.shape[self.table.rank :])
        blank = jnp.zeros((*self.cells, *event))
        shapes = jax.eval_shape(self.family.statistics, blank, self.arguments(inside))
        return tuple(jnp.zeros((*self.cells, *s.shape[len(self.cells) :])) for s in shapes)

    def pooled(self, name: str, found: Array, inside: Evaluation) -> Array:
        """What the cells add up to for each value of an argument, in the shape of its param."""
        rank, like = len(self.cells), self._spread(name, inside)
        whole = jnp.broadcast_to(found, (*self.cells, *found.shape[rank:]))
        shared = tuple(i for i in range(rank) if like.shape[i] == 1)
        summed = jnp.sum(whole, axis=shared)
        source = jnp.shape(inside.value(self._source(name)))
        return summed.reshape(*source[: len(source) - self._own(name)], *found.shape[rank:])

    def _spread(self, name: str, inside: Evaluation) -> Array:
        value = jnp.asarray(inside.value(self._source(name)), jnp.result_type(float))
        first = len(self.picked) if name in self.table.picked else 0
        more = (1,) * (len(self.cells) + self._own(name) - value.ndim)
        return value.reshape(*value.shape[:first], *more, *value.shape[first:])

    def _source(self, name: str) -> Any:
        argument = self.table.arguments[name]
        return argument.value if isinstance(argument, Index) else argument

    def _own(self, name: str) -> int:
        return own_rank(next(p.type for p in self.table.family.parameters if p.name == name))

    def _here(self, inside: Evaluation) -> Sums:
        """The tilts at the indices' values."""
        picks = tuple(jnp.asarray(inside.value(e)).astype(jnp.int32) for e in self.table.picks)
        return tuple(tilt[picks] for tilt in inside.params[TILTS][self.number])


def tilted(built: Built, tabular: Tabular) -> Built:
    """The same program with laws that read their tilts among the parameters."""
    tilts = (Tilt(table, number) for number, table in enumerate(tabular.tables))
    return replace(built, tilts={id(tilt.table.law): tilt for tilt in tilts})


def untilted(built: Built, inside: Evaluation) -> list[Sums]:
    """The tilts of 0."""
    return [tilt.zeros(inside) for tilt in built.tilts.values()]


def maximised(
    built: Built, names: Iterable[str], inside: Evaluation, sums: Sequence[Sums]
) -> Params:
    """The best values of params, on their own scale, given the sums of all tables.

    `inside` has the params at which the statistics were taken.
    """
    uses = [
        (order, param, argument, tilt)
        for tilt in built.tilts.values()
        for order, argument in enumerate(tilt.family.updates)
        for param in (tilt.table.params.get(argument),)
        if param in set(names)
    ]
    new: dict[str, Array] = {}
    for _, param in sorted({(order, param) for order, param, *_ in uses}):
        own = [(argument, tilt) for _, p, argument, tilt in uses if p == param]
        new[param] = _best(own, inside, inside.with_values(new), sums)
    return new


def _best(
    uses: Sequence[tuple[str, Tilt]],
    at: Evaluation,
    newest: Evaluation,
    sums: Sequence[Sums],
) -> Array:
    """One param, from all laws of which it is an argument."""
    argument, first = uses[0]
    update = first.family.updates[argument]
    parts = [
        (
            tilt,
            [
                part(sums[tilt.number], tilt.arguments(at), tilt.arguments(newest))
                for part in (update.numerator, update.denominator)
            ],
        )
        for _, tilt in uses
    ]
    numerator, denominator = (
        sum(tilt.pooled(argument, both[i], at) for tilt, both in parts) for i in (0, 1)
    )
    old = at.values[first.table.params[argument]]
    return update.value(jnp.asarray(numerator), jnp.asarray(denominator), jnp.asarray(old))


class Tilted(dist.Distribution):
    """The density p(x) exp(Σ τ · T(x)), entry by entry, not normalised."""

    def __init__(
        self, base: dist.Distribution, family: Family, arguments: Arguments, tilts: Sums
    ) -> None:
        super().__init__(base.batch_shape, base.event_shape)
        self.base, self.family, self.at, self.tilts = base, family, arguments, tilts

    @property
    def support(self) -> Any:
        return self.base.support

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        found = self.family.statistics(jnp.asarray(value), self.at)
        more = (
            jnp.sum(tilt * seen, axis=tuple(range(len(self.batch_shape), tilt.ndim)))
            for tilt, seen in zip(self.tilts, found, strict=True)
        )
        return sum(more, start=jnp.asarray(self.base.log_prob(value)))


class Weighed(dist.Distribution):
    """A component's density times exp(τ), a number for each component."""

    def __init__(self, base: dist.Distribution, tilt: Array) -> None:
        super().__init__(base.batch_shape, base.event_shape)
        self.base, self.tilt = base, tilt

    @property
    def support(self) -> Any:
        return self.base.support

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        return jnp.asarray(self.base.log_prob(value)) + self.tilt

"""A weighted sum of objectives: `elbo + 100 * discriminate(y)`, `mle + 0.1 * gan`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
)
from dgmlang.objectives.priors import with_priors

if TYPE_CHECKING:
    from dgmlang.runtime.preparation import Preparation, States


def weighted_sum(
    lowered: Lowered, name: str, terms: Sequence[tuple[float, Objective]]
) -> Objective:
    """Σ weightᵢ lossᵢ of the terms' models, on the same batches; each term has its own keys.

    Parameters that terms share get the sum of the gradients. What a term trains beside the model (a
    critic, a sampler, a noise law) it trains as it would alone, by its own recipe, and the sum
    leaves it alone; where two terms train the same, the later has a copy, `wgan:critic`. The priors
    count once, if any term counts them. A step costs what its terms cost.

    The sum is reported as `loss`, and each term without its weight as `elbo.loss`, with its own
    metrics (`elbo.kl`). It is never said to be a likelihood or a bound. Held-out data are looked at
    where each term has a loss there.
    """
    parts = _parts(terms)
    sides = [_side(part, player) for part in parts for player in part.sides]

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        total, metrics = jnp.zeros(()), {}
        for number, part in enumerate(parts):
            own = jax.random.fold_in(key, number)
            value, state, found = part.moved(part.model, params, state, batch, own)
            total += part.weight * value
            named = {"loss": value, **found}
            metrics |= {f"{part.label}.{metric}": amount for metric, amount in named.items()}
        return total, (state, metrics)

    def owns(name: str) -> bool:
        mine = any(part.model.owns(name) for part in parts)
        return COPY not in name and mine and not any(side.owns(name) for side in sides)

    def companions(key: Array, data: Values) -> Params:
        found: Params = {}
        for number, part in enumerate(parts):
            found = {**part.companions(lowered, jax.random.fold_in(key, number), data), **found}
        return found

    def start(key: Array, params: Params, data: Values) -> State:
        keys = jax.random.split(key, len(parts))
        return {
            part.label: part.objective.start(key, part.seen(params), data)
            for part, key in zip(parts, keys, strict=True)
        }

    def validate(params: Params, values: Values, key: Array) -> Array:
        keys = jax.random.split(key, len(parts))
        each = [
            part.weight * part.objective.validate(part.seen(params), values, key)
            for part, key in zip(parts, keys, strict=True)
            if part.objective.validate is not None
        ]
        return sum(each[1:], each[0])

    def watch(params: Params, seen: Values, held: Values, key: Array) -> Metrics:
        each = [(part, part.objective.watch) for part in parts]
        found = [w(part.seen(params), seen, held, key) for part, w in each if w is not None]
        return {name: value for one in found for name, value in one.items()}

    def prepared(preparation: Preparation, states: States) -> None:
        for part in parts:
            part.objective.prepared(preparation, states)

    whole = Objective(
        name=name,
        quantity=_quantity(parts),
        players=(*sides, Player("model", loss, owns)),
        companions=companions,
        start=start,
        validate=validate if all(p.objective.validate for p in parts) else None,
        frozen=tuple(name for p in parts for name in p.objective.frozen),
        prepared=prepared,
        watch=watch if any(p.objective.watch for p in parts) else None,
        rows=next((p.objective.rows for p in parts if p.objective.rows), None),
    )
    priced = any(objective.unpriced for _, objective in terms)
    return with_priors(lowered, whole) if priced else whole


COPY = ":"
"""Stands in the names of copies of parameters, as no name of a program has it."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A term: its objective without priors, and the name by which it is reported.

    Attributes:
        copied: Whether parameters that its sides move are moved by an earlier term's too.
    """

    weight: float
    label: str
    objective: Objective
    copied: Callable[[str], bool]

    @property
    def sides(self) -> tuple[Player, ...]:
        """The players beside the model's, which is the last."""
        return self.objective.players[:-1]

    @property
    def model(self) -> Player:
        return self.objective.players[-1]

    def moves(self, name: str) -> bool:
        """Whether a side moves parameters of this name, where the term stands alone."""
        return any(side.owns(name) for side in self.sides)

    def seen(self, params: Params) -> Params:
        """The parameters as the term knows them, with its copies in their places."""
        front = f"{self.label}{COPY}"
        own = {n.removeprefix(front): tree for n, tree in params.items() if n.startswith(front)}
        return {**params, **own} if own else params

    def companions(self, lowered: Lowered, key: Array, data: Values) -> Params:
        """Those of its objective, and copies of what the program writes; all at first values."""
        found = self.objective.companions(key, data)
        twice = [n for n in lowered.names if self.moves(n) and self.copied(n)] if self.sides else []
        if twice:
            first = lowered.init(int(jax.random.key_data(key)[-1]), None)
            found = {**found, **{name: jax.tree.map(jnp.asarray, first[name]) for name in twice}}
        named = {n: f"{self.label}{COPY}{n}" if self._own(n) else n for n in found}
        return {named[name]: tree for name, tree in found.items()}

    def owned(self, side: Player, name: str) -> bool:
        """Whether a side moves the parameters that are stored under a name."""
        front = f"{self.label}{COPY}"
        plain = name.removeprefix(front)
        if name.startswith(front):
            return side.owns(plain)
        return COPY not in name and side.owns(name) and not self._own(name)

    def _own(self, name: str) -> bool:
        return self.moves(name) and self.copied(name)

    def moved(
        self, player: Player, params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, State, Metrics]:
        """A player's loss, the state of all with the term's own moved on, and its metrics."""
        value, (own, metrics) = player.loss(self.seen(params), state[self.label], batch, key)
        return value, {**state, self.label: own}, metrics


def _parts(terms: Sequence[tuple[float, Objective]]) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    for weight, objective in terms:
        before = sum(part.objective.name == objective.name for part in parts)
        label = f"{objective.name}_{before + 1}" if before else objective.name
        others = tuple(parts)

        def copied(name: str, others: tuple[_Part, ...] = others) -> bool:
            return any(other.moves(name) for other in others)

        parts.append(_Part(weight, label, objective.unpriced or objective, copied))
    return tuple(parts)


def _side(part: _Part, player: Player) -> Player:
    """A player beside the model's, as one of the sum's."""

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        value, state, metrics = part.moved(player, params, state, batch, key)
        return value, (state, metrics)

    return replace(
        player,
        name=f"{part.label}.{player.name}",
        loss=loss,
        owns=lambda name: part.owned(player, name),
        trains=part.objective.name,
    )


def _quantity(parts: Sequence[_Part]) -> str:
    shown = _listed(parts)
    return f"a weighted sum, neither a likelihood nor a bound, of {'; '.join(shown)}"


def _listed(parts: Sequence[_Part]) -> Iterator[str]:
    for part in parts:
        front = "" if part.weight == 1 else f"{part.weight:g} × "
        yield f"{front}{part.label} ({part.objective.quantity})"

"""One optimiser step as a pure function of what it carries.

    for each player, `steps` times:  batch b;  g = ∇ loss(owned; batch b, key b);  owned += optax(g)
    average ← d average + (1 − d) params,   d = min(decay, (1 + t) / (10 + t))

A step that looks at its gradients costs a fifth of a small network's step: the norm is one pass
over them, and choosing between old and new parameters keeps XLA from updating in place. So the
usual step looks at the losses only. Where something was not finite, `careful` steps run again from
a state known to be good: they take back the update that fails, and `failed` names the player.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from dgmlang.objectives.batch import ROW
from dgmlang.objectives.objective import Metrics, Objective, Params, Player, State, Values
from dgmlang.runtime import batches, paths
from dgmlang.runtime.keys import Purpose, purposes


class Prepare(Protocol):
    """What happens to a batch on its way in; `states` were fitted on the training data."""

    def apply(self, states: Any, values: Values, key: Array) -> Values:
        """The batch as the model sees it."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Configuration:
    """What is compiled into the step; equal ones share their compiled programs.

    `optimizers` has one entry a player, `average` is the decay of the averaged parameters (None:
    off), `fixed` are the paths of the parameters that do not move.
    """

    objective: Objective
    batch: int
    optimizers: tuple[optax.GradientTransformation, ...]
    prepare: Prepare | None = None
    average: float | None = None
    fixed: frozenset[str] = frozenset()

    @property
    def draws(self) -> int:
        """How many batches one step takes."""
        return sum(player.steps for player in self.objective.players)

    def offset(self, index: int) -> int:
        """The number of a player's first batch within its step."""
        return sum(player.steps for player in self.objective.players[:index])

    def owned(self, player: Player, params: Params) -> dict[str, Array]:
        """The leaves that a player moves, by path."""
        mine = {name: tree for name, tree in params.items() if self._moves(player, name)}
        return {path: leaf for path, leaf in paths.named(mine).items() if path not in self.fixed}

    def _moves(self, player: Player, name: str) -> bool:
        return player.owns(name) and name not in self.objective.frozen


class Given(NamedTuple):
    """What stays the same through a run: the data, the fitted preparation, the run's key."""

    data: Values
    states: Any
    key: Array


class Carry(NamedTuple):
    """What a step changes.

    `optimizers`: one optax state a player. `state`: the objective's own. `average`: the averaged
    parameters, {} where that is off. `order`: of the examples in this epoch. `step`: steps done.
    `sums`: metrics added up since the last record. `failed`: the player whose loss (in a careful
    step, or gradient) was not finite, or −1.
    """

    params: Params
    optimizers: tuple[Any, ...]
    state: State
    average: Params
    order: Array
    step: Array
    sums: dict[str, Array]
    failed: Array


def step(config: Configuration, given: Given, carry: Carry, careful: bool = False) -> Carry:
    """All players' updates, then the average."""
    for index, player in enumerate(config.objective.players):
        update = partial(_careful if careful else _update, config, index, given)
        carry = (
            lax.fori_loop(0, player.steps, update, carry) if player.steps > 1 else update(0, carry)
        )
    stay = (carry.failed >= 0) if careful else jnp.bool_(False)
    return carry._replace(
        average=_averaged(config, carry, stay), step=carry.step + jnp.where(stay, 0, 1)
    )


def no_sums(config: Configuration, given: Given, carry: Carry) -> dict[str, Array]:
    """A zero for each metric; only the losses know their names."""
    names = [
        name
        for index in range(len(config.objective.players))
        for name in jax.eval_shape(partial(_found, config, index, given), 0, carry)[2]
    ]
    return {name: jnp.zeros((), jnp.float32) for name in names}


def _update(
    config: Configuration, index: int, given: Given, turn: int | Array, carry: Carry
) -> Carry:
    player, optimizer = config.objective.players[index], config.optimizers[index]
    found, state, metrics, order = _found(config, index, given, turn, carry)
    owned = config.owned(player, carry.params)
    optimizers = carry.optimizers
    if player.leap is None:
        change, moments = optimizer.update(found, carry.optimizers[index], owned)
        found: Any = optax.apply_updates(owned, change)
        optimizers = (*carry.optimizers[:index], moments, *carry.optimizers[index + 1 :])
    params = paths.replace(carry.params, found)

    sums = {
        name: (total + metrics.get(name, 0.0) / player.steps).astype(total.dtype)
        for name, total in carry.sums.items()
    }
    bad = ~jnp.isfinite(metrics[loss_name(config.objective, player)])
    failed = jnp.where(bad & (carry.failed < 0), index, carry.failed)
    return Carry(params, optimizers, state, carry.average, order, carry.step, sums, failed)


def _careful(
    config: Configuration, index: int, given: Given, turn: int | Array, carry: Carry
) -> Carry:
    """An update that is taken back where it leaves a parameter that is not finite."""
    new = _update(config, index, given, turn, carry)
    sound = finite(config.owned(config.objective.players[index], new.params))
    failed = jnp.where((new.failed < 0) & ~sound, index, new.failed)
    kept = jax.tree.map(lambda a, b: jnp.where(failed < 0, a, b), new, carry)
    return kept._replace(failed=failed)


def finite(tree: Any) -> Array:
    """Whether every entry of every leaf is finite."""
    checks = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return jnp.all(jnp.stack([jnp.bool_(True), *checks]))


def _found(
    config: Configuration, index: int, given: Given, turn: int | Array, carry: Carry
) -> tuple[Any, State, Metrics, Array]:
    """The gradient of the player's leaves, or where they leap to."""
    player = config.objective.players[index]
    number = carry.step * config.draws + config.offset(index) + turn
    order, batch, key = batch_at(config, given, carry.order, number)
    if player.leap is not None:
        names = frozenset(config.owned(player, carry.params))
        moved, metrics = player.leap(carry.params, names, carry.state, batch, key)
        metrics = _labelled(config.objective, player, metrics["loss"], metrics)
        return moved, carry.state, metrics, order

    def loss(owned: Mapping[str, Array]) -> tuple[Array, tuple[State, Metrics]]:
        return player.loss(paths.replace(carry.params, owned), carry.state, batch, key)

    (value, (state, metrics)), gradient = jax.value_and_grad(loss, has_aux=True)(
        config.owned(player, carry.params)
    )
    return gradient, state, _labelled(config.objective, player, value, metrics), order


def batch_at(
    config: Configuration, given: Given, order: Array, number: Array
) -> tuple[Array, Values, Array]:
    """The order of the epoch of batch `number`; that batch, prepared; and its loss's key."""
    epoch = batches.epoch(number, batches.length(given.data), config.batch)
    own = purposes(
        given.key, {Purpose.SHUFFLE: epoch, Purpose.PREPARE: number, Purpose.STEP: number}
    )
    order, rows, batch = batches.take(own[Purpose.SHUFFLE], order, number, given.data, config.batch)
    if config.prepare is not None:
        batch = config.prepare.apply(given.states, batch, own[Purpose.PREPARE])
    if config.objective.rows is not None:
        batch = {**batch, ROW: rows}
    return order, batch, own[Purpose.STEP]


def loss_name(objective: Objective, player: Player) -> str:
    """What a player's loss is called among the metrics: `loss`, or `critic.loss` of several."""
    return "loss" if len(objective.players) == 1 else f"{player.name}.loss"


def _labelled(objective: Objective, player: Player, loss: Array, metrics: Metrics) -> Metrics:
    name = loss_name(objective, player)
    front = name.removesuffix("loss")
    return {name: loss, **{f"{front}{key}": value for key, value in metrics.items()}}


def _averaged(config: Configuration, carry: Carry, stay: Array) -> Params:
    if config.average is None:
        return carry.average
    decay = jnp.minimum(config.average, (1.0 + carry.step) / (10.0 + carry.step))
    share = jnp.where(stay, 0.0, 1.0 - decay)

    def mean(old: Array, new: Array) -> Array:
        if not jnp.issubdtype(old.dtype, jnp.floating):
            return new
        return (old + share * (new - old)).astype(old.dtype)

    return jax.tree.map(mean, carry.average, carry.params)

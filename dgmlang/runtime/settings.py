"""How one fit runs: what a recipe, a command line or keywords of `fit` say, resolved to numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import optax

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.optimizers import Choice
from dgmlang.compiler.plan.recipes import Recipe
from dgmlang.compiler.plan.recipes import recipe as recipe_of
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.runtime import batches, optimizers, paths
from dgmlang.runtime.step import Configuration, Prepare

SMALL = 4
"""A data set of at most so many batches is taken whole."""

Optimizer = Choice | optax.GradientTransformation


@dataclass(frozen=True)
class Settings:
    """`steps` optimiser steps on `batch` examples each.

    `optimizer` serves every player, or names one for each; None takes the recipe's. `valid_every`
    steps the held-out loss is measured (a twentieth of the run where None), and after `patience`
    measurements without a new best training ends. `freeze` are globs of parameter paths.
    """

    steps: int
    batch: int
    seed: int = 0
    optimizer: Optimizer | Mapping[str, Optimizer] | None = None
    average: float | None = None
    valid_every: int | None = None
    patience: int | None = None
    freeze: tuple[str, ...] = ()

    @staticmethod
    def of(recipe: Recipe, count: int) -> Settings:
        """A recipe's settings for so many examples.

        A small data set is one batch, so that the gradient's noise does not blur its optimum.
        """
        usual = count if recipe.batch is None else recipe.batch
        batch = count if count <= SMALL * usual else usual
        return Settings(recipe.steps, batch, average=recipe.average)

    @property
    def record_every(self) -> int:
        """Steps between records: two hundred a run, at fixed steps whatever the machine's speed.

        At least ten, since a compiled call costs about two milliseconds for a million parameters.
        """
        return max(10, self.steps // 200)

    @property
    def validate_every(self) -> int:
        return self.valid_every or max(1, self.steps // 20)


def configure(
    objective: Objective,
    params: Params,
    data: Values,
    settings: Settings,
    recipe: Recipe,
    prepare: Prepare | None = None,
    held: Collection[str] = (),
) -> Configuration:
    """What is compiled. `held` names the entries of `params` that are no parameters.

    Raises:
        DgmError: a batch is too large (DGM0705), a glob names nothing (DGM0706), Optax has no such
            name (DGM0701 to DGM0704), a number is below one (DGM0712), or optimisers are given to a
            player that there is not (DGM0803).
    """
    players = tuple(player.name for player in objective.players)
    named = settings.optimizer if isinstance(settings.optimizer, Mapping) else ()
    for name in (name for name in named if name not in players):
        raise DgmError(queries.unknown_choice("player to optimise", name, players))
    for name in ("steps", "batch", "valid_every", "patience"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise DgmError(codes.not_positive(name, value))
    count = batches.length(data)
    if settings.batch > count:
        raise DgmError(codes.batch_too_large(settings.batch, count))
    return Configuration(
        objective,
        settings.batch,
        tuple(
            _optimizer(
                _of_player(settings.optimizer, player.name),
                recipe_of(player.trains) if player.trains else recipe,
                settings,
                player.steps,
            )
            for player in objective.players
        ),
        prepare,
        settings.average,
        paths.chosen({n: t for n, t in params.items() if n not in held}, settings.freeze)
        | frozenset(held),
    )


def _of_player(
    optimizer: Optimizer | Mapping[str, Optimizer] | None, name: str
) -> Optimizer | None:
    return optimizer.get(name) if isinstance(optimizer, Mapping) else optimizer


def _optimizer(
    chosen: Optimizer | None, recipe: Recipe, settings: Settings, turns: int
) -> optax.GradientTransformation:
    if chosen is None:
        return optimizers.by_recipe(recipe, settings.steps, turns)
    return optimizers.build(chosen, recipe.rate) if isinstance(chosen, Choice) else chosen

"""Optax's optimisers and schedules, made from choices and recipes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import optax

from dgmlang.compiler.plan import optimizers as planned
from dgmlang.compiler.plan.optimizers import TABLE, Choice, bound
from dgmlang.compiler.plan.recipes import Recipe


@lru_cache(maxsize=64)
def build(chosen: Choice, rate: float) -> optax.GradientTransformation:
    """The optimiser of a choice; `rate` serves where it names no learning rate.

    Equal choices yield one object, so that what was compiled with it is found again.
    """
    arguments = bound(chosen)
    return getattr(optax, chosen.name)(**{"learning_rate": rate, **_made(arguments)})


def _made(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the schedules among them made."""
    return {n: _schedule(v) if isinstance(v, Choice) else v for n, v in arguments.items()}


def _schedule(chosen: Choice) -> optax.Schedule:
    arguments = bound(chosen, "schedule")
    return getattr(optax, chosen.name)(**_made(arguments))


@lru_cache(maxsize=64)
def _by_recipe(
    name: str, arguments: tuple[tuple[str, float], ...], rate: float, warmup: int, steps: int,
    decay: bool, clip: float | None,
) -> optax.GradientTransformation:  # fmt: skip
    up = optax.linear_schedule(0.0, rate, warmup) if warmup else optax.constant_schedule(rate)
    down = optax.cosine_decay_schedule(rate, max(1, steps - warmup))
    after = down if decay else optax.constant_schedule(rate)
    schedule = optax.join_schedules([up, after], [warmup])
    optimizer = getattr(optax, name)(learning_rate=schedule, **dict(arguments))
    return optax.chain(optax.clip_by_global_norm(clip), optimizer) if clip else optimizer


def by_recipe(recipe: Recipe, steps: int, turns: int = 1) -> optax.GradientTransformation:
    """A recipe's optimiser for so many steps of a player that moves `turns` times in each."""
    warmup = min(recipe.warmup, steps // 10) * turns
    return _by_recipe(
        recipe.optimizer, tuple(recipe.arguments.items()), recipe.rate, warmup, steps * turns,
        recipe.decay, recipe.clip,
    )  # fmt: skip


# ── the table for the front end ──────────────────────────────────────────────────────────────────


def signatures() -> dict[str, dict[str, dict[str, bool]]]:
    """What `compiler/plan/optax.json` holds, read off the Optax that is installed."""
    return {
        "optimizer": {name: _parameters(function) for name, function in _optimizers()},
        "schedule": {name: _parameters(function) for name, function in _schedules()},
    }


def _parameters(function: Callable[..., Any]) -> dict[str, bool]:
    return {n: p.default is p.empty for n, p in inspect.signature(function).parameters.items()}


def _optimizers() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions with a learning rate that need gradients alone."""
    for name, function in vars(optax).items():
        if (
            inspect.isfunction(function)
            and not name.startswith(("scale_by_", "_"))
            and name != "lbfgs"  # its line search evaluates the loss, which is random here
            and "learning_rate" in inspect.signature(function).parameters
        ):
            yield name, function


def _schedules() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, function in vars(optax).items():
        ends = name.endswith("_schedule") and not name.startswith("scale_by_")
        if ends or name == "exponential_decay":
            yield name, function


if __name__ == "__main__":
    folder = Path(planned.__file__).parent
    text = json.dumps(signatures(), indent=1, sort_keys=False)
    (folder / TABLE).write_text(f"{text}\n", encoding="utf-8")

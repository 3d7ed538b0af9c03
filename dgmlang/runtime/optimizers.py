"""Optimisers and schedules by their Optax names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import optax

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.recipes import Recipe
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.static import Static, static


@dataclass(frozen=True)
class Choice:
    """A call of Optax as data: `adam(learning_rate = cosine_decay_schedule(1e-3, steps))`."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    positional: tuple[Any, ...] = ()
    span: Span | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        named = (f"{name} = {value}" for name, value in self.arguments)
        return f"{self.name}({', '.join([*map(str, self.positional), *named])})"

    def _key(self) -> tuple[Any, ...]:
        return self.name, self.arguments, self.positional


def choice(expression: ast.Expr, values: Mapping[str, Any]) -> Choice:
    """The optimiser that an expression of a recipe or a command line names.

    `values` are the names that it may read, such as `steps`.
    """
    match expression:
        case ast.Name(name):
            return Choice(name, span=expression.span)
        case ast.Call(ast.Name(name), arguments, None):
            given = [(a.name, _argument(a.value, values)) for a in arguments]
            return Choice(
                name,
                tuple((n, value) for n, value in given if n is not None),
                tuple(value for n, value in given if n is None),
                expression.span,
            )
    raise DgmError(codes.not_an_optimizer(expression.span))


def _argument(expression: ast.Expr, values: Mapping[str, Any]) -> Any:
    if isinstance(expression, ast.Call):
        return choice(expression, values)
    report = Report()
    value = static(expression, Static(values, report))
    report.settle()
    return value


@lru_cache(maxsize=64)
def build(chosen: Choice, rate: float) -> optax.GradientTransformation:
    """The optimiser of a choice; `rate` serves where it names no learning rate.

    Equal choices yield one object, so that what was compiled with it is found again.
    """
    function = _find(chosen, "optimizer", _optimizers())
    arguments = _bind(function, chosen)
    if "learning_rate" in inspect.signature(function).parameters:
        arguments.setdefault("learning_rate", rate)
    return _call(function, chosen.name, arguments)


@lru_cache(maxsize=64)
def _by_recipe(
    name: str, arguments: tuple[tuple[str, float], ...], rate: float, warmup: int, steps: int,
    decay: bool, clip: float | None,
) -> optax.GradientTransformation:  # fmt: skip
    up = optax.linear_schedule(0.0, rate, warmup) if warmup else optax.constant_schedule(rate)
    down = optax.cosine_decay_schedule(rate, max(1, steps - warmup))
    after = down if decay else optax.constant_schedule(rate)
    schedule = optax.join_schedules([up, after], [warmup])
    optimizer = _optimizers()[name](learning_rate=schedule, **dict(arguments))
    return optax.chain(optax.clip_by_global_norm(clip), optimizer) if clip else optimizer


def by_recipe(recipe: Recipe, steps: int, turns: int = 1) -> optax.GradientTransformation:
    """A recipe's optimiser for so many steps of a player that moves `turns` times in each."""
    warmup = min(recipe.warmup, steps // 10) * turns
    return _by_recipe(
        recipe.optimizer, tuple(recipe.arguments.items()), recipe.rate, warmup, steps * turns,
        recipe.decay, recipe.clip,
    )  # fmt: skip


def _find(chosen: Choice, what: str, known: Mapping[str, Any]) -> Callable[..., Any]:
    if chosen.name not in known:
        raise DgmError(codes.unknown_optimizer(chosen.name, what, known, chosen.span))
    return known[chosen.name]


def _bind(function: Callable[..., Any], chosen: Choice) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    if len(chosen.positional) > len(parameters):
        raise DgmError(codes.too_many_arguments(chosen.name, parameters))
    arguments = dict(zip(parameters, chosen.positional, strict=False)) | dict(chosen.arguments)
    for name, value in arguments.items():
        if name not in parameters:
            raise DgmError(codes.unknown_argument(name, chosen.name, parameters))
        if isinstance(value, Choice):
            schedule = _find(value, "schedule", _schedules())
            arguments[name] = _call(schedule, value.name, _bind(schedule, value))
    return arguments


def _call(function: Callable[..., Any], name: str, arguments: Mapping[str, Any]) -> Any:
    for parameter in inspect.signature(function).parameters.values():
        needed = parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if needed and parameter.name not in arguments:
            raise DgmError(codes.missing_argument(parameter.name, name))
    return function(**arguments)


@lru_cache(maxsize=1)
def _optimizers() -> dict[str, Callable[..., Any]]:
    """Optax's optimisers: the functions with a learning rate that need gradients alone."""
    return {
        name: function
        for name, function in vars(optax).items()
        if inspect.isfunction(function)
        and not name.startswith("scale_by_")
        and name != "lbfgs"  # its line search evaluates the loss, which is random here
        and "learning_rate" in inspect.signature(function).parameters
    }


@lru_cache(maxsize=1)
def _schedules() -> dict[str, Callable[..., Any]]:
    return {
        name: function
        for name, function in vars(optax).items()
        if name == "exponential_decay"
        or (name.endswith("_schedule") and not name.startswith("scale_by_"))
    }

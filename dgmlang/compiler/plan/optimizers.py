"""Optimisers as recipes write them, held against Optax's signatures without importing Optax."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.static import Static, static

TABLE = "optax.json"
"""What `python -m dgmlang.runtime.optimizers` writes of the Optax that is installed."""


@frozen()
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
    """The optimiser that an expression of a recipe or a command line names (DGM0704).

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


def bound(chosen: Choice, what: str = "optimizer") -> dict[str, Any]:
    """The arguments of a choice by name, schedules among them held too (DGM0701 to DGM0711).

    An optimiser may leave its learning rate to the objective's recipe.
    """
    known = signatures()[what]
    if chosen.name not in known:
        raise DgmError(codes.unknown_optimizer(chosen.name, what, known, chosen.span))
    parameters = known[chosen.name]
    if len(chosen.positional) > len(parameters):
        raise DgmError(codes.too_many_arguments(chosen.name, parameters, chosen.span))
    arguments = dict(zip(parameters, chosen.positional, strict=False)) | dict(chosen.arguments)
    for name, value in arguments.items():
        if name not in parameters:
            raise DgmError(codes.unknown_argument(name, chosen.name, parameters, chosen.span))
        if isinstance(value, Choice):
            bound(value, "schedule")
    for name, needed in parameters.items():
        left = what == "optimizer" and name == "learning_rate"
        if needed and not left and name not in arguments:
            raise DgmError(codes.missing_argument(name, chosen.name, chosen.span))
    return arguments


@cache
def signatures() -> Mapping[str, Mapping[str, Mapping[str, bool]]]:
    """Optax's optimisers and schedules: whether each parameter is needed, in order, by name."""
    return json.loads(Path(__file__).with_name(TABLE).read_text(encoding="utf-8"))

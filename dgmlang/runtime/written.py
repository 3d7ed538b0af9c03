"""Settings as people write them, in recipes, on the command line and as keywords of `fit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.optimizers import Choice, bound, choice
from dgmlang.compiler.program import Program, Recipe
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression


def preparation(texts: Mapping[str, str | ast.Expr]) -> dict[str, ast.Expr]:
    """Preparations by variable, from texts or from a recipe's expressions."""
    return {n: _parsed(f"prepare {n}", e) if isinstance(e, str) else e for n, e in texts.items()}


def preparations(
    asked: Mapping[str, str] | str | None, recipe: Recipe | None
) -> dict[str, ast.Expr]:
    """The caller's preparations, by variable; else the recipe's."""
    if asked is None:
        return preparation({} if recipe is None else recipe.prepare)
    return preparation(dict([assignment(asked)]) if isinstance(asked, str) else asked)


def assignment(text: str) -> tuple[str, str]:
    """`x = bernoulli(x)` as name and expression (DGM0415)."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        what = "write `variable = expression`, as `x = bernoulli(x)`"
        raise DgmError(codes.bad_method("preparation", text, what, "prepare"))
    return name.strip(), value.strip()


def optimizer(written: str | ast.Expr, steps: int) -> Choice:
    """An Optax optimiser: `adam(learning_rate = cosine_decay_schedule(1e-3, steps))`."""
    node = _parsed("optimizer", written) if isinstance(written, str) else written
    chosen = choice(node, {"steps": steps})
    bound(chosen)  # a refusal comes before any work
    return chosen


def recipe(program: Program, name: str) -> Recipe | None:
    """A recipe of the program; None for `default` where there is none (DGM0419)."""
    place = program.span.source.name
    if name not in program.recipes:
        if name == "default":
            return None
        raise DgmError(codes.unknown_recipe(name, program.recipes, place))
    return program.recipes[name]


def _parsed(what: str, text: str) -> ast.Expr:
    node, found = parse_expression(Source(f"<{what}>", text))
    if found or node is None:
        raise DgmError(found)
    return node


def merged(recipe: Recipe | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's settings, those of the caller on top; the caller's None says nothing."""
    settings = dict(recipe.settings) if recipe else {}
    if given.get("epochs") is not None:
        settings.pop("steps", None)  # they say the same thing, and the caller's word counts
    return {**settings, **{key: value for key, value in given.items() if value is not None}}

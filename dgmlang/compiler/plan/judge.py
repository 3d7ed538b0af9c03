"""What the program's recipes ask for, held against the plan before there are any data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.plan.methods import objective, sampler
from dgmlang.compiler.plan.optimizers import bound, choice
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.plan.preparation import applied
from dgmlang.compiler.program import Recipe

OURS = {"DGM0414", "DGM0418"}
"""What this version cannot run yet, and a later one will: no mistake of the program's."""

LATER = {"DGM0412", "DGM0417"}
"""What the data's dimensions may still decide, where they are open."""


def judge(plan: Plan) -> Iterator[Diagnostic]:
    """Every finding that `fit` and `sample` would raise for a recipe."""
    for recipe in plan.program.recipes.values():
        for asked in _asked(plan, recipe):
            try:
                asked()
            except DgmError as error:
                yield from filter(None, (_said(plan, found) for found in error.diagnostics))


def _asked(plan: Plan, recipe: Recipe) -> Iterator[Callable[[], object]]:
    settings = recipe.settings
    if "objective" in settings:
        yield partial(objective, plan, settings["objective"])
    if "sampler" in settings:
        yield partial(sampler, plan, settings["sampler"])
    if "optimizer" in settings:
        yield lambda: bound(choice(settings["optimizer"], {"steps": 1}))
    known = plan.program.having("data", "given")
    for name, expression in recipe.prepare.items():
        yield partial(applied, name, expression, known)


def _said(plan: Plan, found: Diagnostic) -> Diagnostic | None:
    if found.code in LATER and plan.program.open:
        return None
    return replace(found, severity="warning") if found.code in OURS else found

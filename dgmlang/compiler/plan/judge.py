"""What the program's recipes and laws ask for, held against the plan before there are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.diagnostics.codes import nested as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.plan.methods import objective, sampler
from dgmlang.compiler.plan.optimizers import bound, choice
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.plan.preparation import applied
from dgmlang.compiler.program import Marginal, Recipe
from dgmlang.compiler.walk import every_law, marginals

OURS = {"DGM0414", "DGM0418"}
"""What this version cannot run yet, and a later one will: no mistake of the program's."""

LATER = {"DGM0412", "DGM0417"}
"""What the data's dimensions may still decide, where they are open."""


def judge(plan: Plan) -> Iterator[Diagnostic]:
    """Every finding that `fit` and `sample` would raise for laws and for a recipe."""
    yield from _whole(plan)
    for recipe in plan.program.recipes.values():
        for asked in _asked(plan, recipe):
            try:
                asked()
            except DgmError as error:
                yield from filter(None, (_said(plan, found) for found in error.diagnostics))


def _whole(plan: Plan) -> Iterator[Diagnostic]:
    """DGM0940 where a model without an exact density stands where its density is a number."""
    if plan.program.open:
        return  # the data may yet make it exact
    for law in every_law(plan.program):
        for model in marginals(law):
            yield from filter(None, [_inexact(model, derive(model.program))])


def _inexact(model: Marginal, facts: Facts) -> Diagnostic | None:
    said = partial(codes.inexact, model.span, model.program.name)
    witness = (*facts.density.witnesses, *facts.normaliser.witnesses)
    why = witness[0].text if witness else ""
    if facts.density.value == "none":
        return said("it has none", why, "take a law with a density, as a flow or a mixture")
    if facts.density.value == "bound":
        help = (
            "make its latents finite or linear and Gaussian, or take a law as a flow or a mixture"
        )
        return said("it is known up to a bound only", why, help)
    if facts.normaliser.value != "one":
        help = "write its energies as `energy` lines of this model: those of a product add up"
        return said("its normaliser is not in it", why, help)
    return None


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

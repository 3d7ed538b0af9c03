"""Estimators of log p(x) as people name them: `exact`, `elbo`, `iwae(k = 512)`, `ode`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.methods import parsed, static_settings
from dgmlang.compiler.plan.plan import Plan
from dgmlang.evaluate.flow_likelihood import Options, flow_log_prob
from dgmlang.evaluate.log_prob import elbo, exact, iwae
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values

Estimator = Callable[[Lowered, Params, Values, Array], Result]

SAMPLES = 16
"""Draws of the guide that the default bound averages."""


SETTINGS = {
    "exact": (),
    "elbo": ("samples",),
    "iwae": ("k",),
    "ode": tuple(f.name for f in fields(Options)),
}
"""What may stand in a method's brackets."""


def estimator(plan: Plan, text: str | None) -> Estimator:
    """The estimator that `text` names, or the plan's default (DGM0803, DGM0806)."""
    known = legal(plan)
    name, settings = next(iter(known), "log_prob"), {}
    if text is not None:
        name, arguments, _ = parsed("method", text, plan.program.span.source.name)
        settings = static_settings(arguments)
    if name not in known:
        raise DgmError(codes.no_estimator(name, known, plan.program.name))
    return _built(name, settings)


def legal(plan: Plan) -> tuple[str, ...]:
    """The methods that apply to a model, the default first."""
    facts = plan.facts
    if facts.density.value == "exact":
        return ("exact",)
    if facts.density.value == "bound" and plan.program.guide is not None:
        return ("elbo", "iwae")
    return ("ode",) if facts.flags["continuous_process"] else ()


def _built(name: str, settings: Mapping[str, Any]) -> Estimator:
    for key in settings:
        if key not in SETTINGS[name]:
            raise DgmError(codes.bad_settings(name, key, SETTINGS[name]))
    match name:
        case "exact":
            return _exact
        case "elbo":
            return partial(elbo, **{"samples": SAMPLES, **settings})
        case "iwae":
            return partial(iwae, **settings)
    return partial(flow_log_prob, options=Options(**settings))


def _exact(lowered: Lowered, params: Params, batch: Values, _: Array) -> Result:
    return exact(lowered, params, batch)

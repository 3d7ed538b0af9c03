"""Estimators of log p(x) as people name them: `exact`, `elbo`, `iwae(k = 512)`, `ais`, `ode` …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.codes import refining
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import ways_to_log_prob, without_prior_density
from dgmlang.compiler.plan.methods import parsed, plain_settings
from dgmlang.compiler.plan.plan import Plan
from dgmlang.evaluate.diffusion_bound import Steps, diffusion_bound
from dgmlang.evaluate.log_prob import (
    GUIDE,
    WEIGHTS,
    annealed,
    bridged,
    elbo,
    exact,
    hutchinson,
    importance,
    iwae,
    mean_field,
)
from dgmlang.evaluate.normaliser import LEAST, NORMALISERS
from dgmlang.evaluate.result import Result
from dgmlang.objectives.factorised import SWEEPS
from dgmlang.objectives.objective import Params, Values

Estimator = Callable[[Lowered, Params, Values, Array], Result]

SAMPLES = 16
"""Draws of the guide that the default bound averages."""


PROBES = 8
"""Solves that the estimate of a continuous flow's density averages."""


def defaults(name: str) -> Mapping[str, Any]:
    """What may stand in a method's brackets, with the defaults."""
    if name == "vlb":
        return {f.name: f.default for f in fields(Steps)}
    if name == "ode":
        from dgmlang.evaluate.flow_likelihood import Options  # with Diffrax, which few models need

        return {f.name: f.default for f in fields(Options)}
    usual: dict[str, Mapping[str, Any]] = {
        "exact": {},
        "hutchinson": {"probes": PROBES},
        "elbo": {"samples": SAMPLES, "refine": 0},
        "iwae": {"k": 512},
        "importance": {"k": 512, "proposal": GUIDE},
        "ais": NORMALISERS["ais"],
        "meanfield": {"sweeps": SWEEPS},
        "bridge": NORMALISERS["bridge"],
    }
    return usual[name]


def estimator(plan: Plan, text: str | None, guided: Callable[[], None]) -> Estimator:
    """The estimator that `text` names, or the plan's default (DGM0803, DGM0806).

    `guided` raises where a guide is there and was not trained, if the estimator goes by it.
    """
    known = ways_to_log_prob(plan)
    name, arguments = next(iter(known), "log_prob"), ()
    if text is not None:
        name, arguments, _ = parsed("method", text, plan.program.span.source.name)
    if name not in known:
        raise DgmError(codes.no_estimator(name, known, plan.program.name))
    known_settings = defaults(name)
    for argument in arguments:
        if argument.name is not None and argument.name not in known_settings:
            raise DgmError(codes.bad_settings(name, argument.name, known_settings))
    least = LEAST if name in NORMALISERS else None
    settings = {**known_settings, **plain_settings(name, known_settings, arguments, least)}
    if "proposal" in settings:
        _require_proposal(plan, settings["proposal"])
    by_guide = name in ("elbo", "iwae") or settings.get("proposal") == GUIDE
    if by_guide and not settings.get("refine"):
        guided()
    return _built(name, settings)


def _require_proposal(plan: Plan, proposal: str) -> None:
    """Raise DGM0803 or DGM0896 where draws cannot be had, or not be weighed, like this."""
    if proposal not in WEIGHTS:
        raise DgmError(codes.unknown_choice("proposal", proposal, tuple(WEIGHTS)))
    found = without_prior_density(plan) if proposal == "prior" else None
    if found is not None:
        raise DgmError(refining.no_proposal(*found, plan.program.name))


def _built(name: str, settings: Mapping[str, Any]) -> Estimator:
    match name:
        case "exact":
            return _exact
        case "hutchinson":
            return partial(hutchinson, **settings)
        case "elbo":
            return partial(elbo, **settings)
        case "iwae":
            return partial(iwae, **settings)
        case "importance":
            return partial(importance, **settings)
        case "vlb":
            return partial(diffusion_bound, how=Steps(**settings))
        case "meanfield":
            return partial(mean_field, **settings)
        case "ais":
            return partial(annealed, **settings)
        case "bridge":
            return partial(bridged, **settings)
    from dgmlang.evaluate.flow_likelihood import Options, flow_log_prob

    return partial(flow_log_prob, options=Options(**settings))


def _exact(lowered: Lowered, params: Params, batch: Values, _: Array) -> Result:
    return exact(lowered, params, batch)

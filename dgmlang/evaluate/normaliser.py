"""The ways to log Z as people name them: `exact`, `ais(temperatures = 1000)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import parsed, plain_settings
from dgmlang.compiler.plan.plan import Plan
from dgmlang.evaluate.ais import ais
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params

if TYPE_CHECKING:
    from dgmlang.model import Model

NORMALISERS: Mapping[str, Mapping[str, Any]] = {
    "exact": {},
    "ais": {"temperatures": 1000, "chains": 100},
}
"""The ways to log Z, with what may stand in their brackets."""


def normaliser(model: Model, params: Params, method: str | None, seed: int) -> Result:
    """Log Z with its kind (DGM0801, DGM0802, DGM0824 where the method has no way to it)."""
    name, settings = _chosen(model.plan, method)
    if name == "ais":
        return ais(model.lowered, params, jax.random.key(seed), **settings)
    value = log_normalizer(model.lowered, params, {})
    gaussian = model.plan.facts.gaussian is not None
    how = "closed form of a Gaussian" if gaussian else "sum over states"
    return Result(value, "exact", None, how)


def _chosen(plan: Plan, text: str | None) -> tuple[str, Mapping[str, Any]]:
    """The way to log Z that `text` names, with its settings; exact by default (DGM0806)."""
    if text is None:
        return "exact", {}
    name, arguments, _ = parsed("method", text, plan.program.span.source.name)
    if name not in NORMALISERS or not plan.facts.flags["energy"]:
        known = tuple(NORMALISERS) if plan.facts.flags["energy"] else ()
        raise DgmError(codes.no_estimator(name, known, plan.program.name))
    for argument in arguments:
        if argument.name is not None and argument.name not in NORMALISERS[name]:
            raise DgmError(codes.bad_settings(name, argument.name, NORMALISERS[name]))
    return name, {**NORMALISERS[name], **plain_settings(name, NORMALISERS[name], arguments)}

"""`fit` by an objective that draws the parameters: from data to a posterior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import posterior as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.library import library
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.methods import Chosen
from dgmlang.fitted import Fitted
from dgmlang.kept import POSTERIOR
from dgmlang.model import Model
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.chains import Chains
from dgmlang.request import Request
from dgmlang.runtime import checkpoint
from dgmlang.runtime.columns import Columns
from dgmlang.runtime.inlet import Inlet, brought, whole
from dgmlang.runtime.intake import Intake
from dgmlang.runtime.keys import Purpose, purpose, root

IDLE = (
    "optimizer", "steps", "epochs", "batch", "patience", "average", "valid", "init", "freeze",
    "callbacks", "log_dir", "resume",
)  # fmt: skip
"""Keywords of `fit` that are about training."""

MIXED = 1.01
"""The R̂ above which chains are said to disagree (Vehtari et al. 2021, section 4)."""


def samples(method: Chosen) -> bool:
    """Whether an objective draws the parameters, in place of training them."""
    externs = library().externs["objective"]
    return any(externs[term.name].has("samples") for _, term in method.terms)


def require_used(method: Chosen, request: Request, wanted: Mapping[str, Any]) -> None:
    """DGM0831 where a keyword would do nothing, or a setting of a recipe for this objective."""
    usual = {field.name: field.default for field in fields(Request)}
    idle = [name for name in IDLE if getattr(request, name) != usual[name]]
    if request.objective is None:  # then a recipe is about this objective
        idle += [name for name in IDLE if name in wanted]
    if idle:
        raise DgmError(codes.idle_setting(idle[0], str(method)))


def sampled(
    model: Model,
    method: Chosen,
    intake: Intake,
    shared: Values,
    named: Columns,
    request: Request,
) -> Fitted:
    """Draw the parameters given all the data, say how the chains did, and keep the run."""
    folder = None if request.out is None else Path(request.out)
    if folder is not None:
        checkpoint.claim(folder, replace=request.replace)
    draw = model.objective(method).sample
    assert draw is not None
    values = {**whole(brought(model.plan.program), intake), **shared}
    key = purpose(root(request.seed), Purpose.CHAINS)
    chains = draw(values, key, request.progress is True)
    inlet = Inlet(intake.preparation, intake.states, request.seed, named, shared)
    kept = {"mean": means(model.lowered, chains, model.lowered.init(0, None))}
    fitted = Fitted(model, kept, POSTERIOR, inlet, method, folder=folder, chains=chains)
    if folder is not None:
        fitted.save(folder, replace=True)
    if request.notes is not None:
        tell(chains, str(method), request.notes)
    return fitted


def with_law(
    model: Model, method: Chosen | None, kept: Mapping[str, Params], which: str, seed: int
) -> tuple[Mapping[str, Params], str, Chains | None]:
    """What a fit keeps and queries use, with draws where training left a law of the params."""
    posterior = None if method is None else model.objective(method).posterior
    if posterior is None:
        return kept, which, None
    chains = posterior(kept[which], purpose(root(seed), Purpose.POSTERIOR))
    mean = means(model.lowered, chains, kept[which])
    return {**kept, "mean": mean}, POSTERIOR, chains


def means(lowered: Lowered, chains: Chains, others: Params) -> Params:
    """The parameters, as stored, at their posterior means; the `others` as they are."""
    mean = jax.tree.map(lambda a: np.asarray(a).mean(axis=(0, 1)), chains.params)
    return jax.tree.map(jnp.asarray, lowered.unconstrain({**lowered.constrain(others), **mean}))


def tell(chains: Chains, method: str, notes: Callable[[Diagnostic], object]) -> None:
    """Warnings about chains that cannot be trusted: DGM0834, DGM0835."""
    worst, total = chains.worst(), chains.size
    if worst.r_hat > MIXED:
        notes(codes.chains_disagree(worst.name, worst.r_hat, method))
    if chains.divergences:
        notes(codes.divergences(chains.divergences, total, method))

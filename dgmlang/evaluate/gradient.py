"""∇ₓ log p of examples, and whose it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result, only
from dgmlang.objectives.objective import Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def score(fitted: Fitted, data: Any, t: float | None) -> Any:
    """See `Fitted.score`."""
    facet = fitted.model.plan.facts.score
    if facet.value == "none":
        raise DgmError(codes.no_score(fitted.model.name, facet.witnesses))
    values, _ = fitted.inlet.values(fitted.model.plan.program, data)
    time = None if t is None else jnp.asarray(float(t))

    def run(lowered: Lowered) -> Values:
        return jax.vmap(partial(lowered.score, t=time), in_axes=(None, 0))(fitted.raw, values)

    found = fitted.model.lowered.sound(run)
    modelled = facet.value == "model"
    how = "as modelled" if modelled else "gradient of log p"
    kind = "model" if modelled else "exact"
    return only({n: Result(a, kind, None, how) for n, a in found.items()})

"""∇ₓ log p of examples, and whose it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result, only
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def score(fitted: Fitted, data: Any, t: float | None) -> Any:
    """See `Fitted.score`."""
    facet = fitted.model.plan.facts.score
    if facet.value == "none":
        raise DgmError(codes.no_score(fitted.model.name, facet.witnesses))
    values, _ = fitted.inlet.values(fitted.model.plan.program, data)
    time = None if t is None else jnp.asarray(float(t))
    found = fitted.model.lowered.sound(lambda own: _scores(own, fitted.raw, values, time))
    modelled = facet.value == "model"
    how = "as modelled" if modelled else "gradient of log p"
    kind = "model" if modelled else "exact"
    return only({n: Result(a, kind, None, how) for n, a in found.items()})


@partial(jax.jit, static_argnums=0)
def _scores(lowered: Lowered, params: Params, values: Values, t: Array | None) -> Values:
    return jax.vmap(partial(lowered.score, t=t), in_axes=(None, 0))(params, values)

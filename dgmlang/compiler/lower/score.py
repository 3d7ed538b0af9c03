"""∇ log p of the data: as modelled where the program gives a score, else by differentiation."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.remove import log_prob
from dgmlang.objectives.objective import Params, Values


def score(built: Built, params: Params, values: Values, t: Array | None = None) -> Values:
    """The score by variable; under a process, that of the noisy data at time t."""
    if built.score is not None:
        name, law = built.score
        local = {} if law.time is None or t is None else {law.time: t}
        return {name: evaluation(built, params, values, **local).value(law.value)}
    data = {
        v.name: values[v.name]
        for v in built.program.having("data")
        if v.type.kind.space == "continuous"
    }
    return jax.grad(lambda moved: log_prob(built, params, {**values, **moved}))(data)

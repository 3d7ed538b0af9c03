"""Examples moved to where the model finds them most likely, no entry by more than a radius.

Source: Song et al. 2018, PixelDefend, algorithm 1, arXiv 1710.10766.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import judging as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.draw import order_of, sequentially
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import distribution
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import greedily
from dgmlang.compiler.program import Law
from dgmlang.evaluate.result import Result, only
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

STEPS = 100
"""Steps along the gradient's sign; the first is a quarter of the radius, the last near 0."""


def purified(fitted: Fitted, data: Any, radius: float) -> Any:
    """See `Fitted.purify`."""
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    if not radius >= 0:
        raise DgmError(codes.no_radius(radius))
    values, _ = fitted.inlet.values(program, data)
    variables = program.having("data")
    found = dict(values)
    if all(greedily(v, lowered.facts) for v in variables):
        for v in variables:
            found[v.name] = _by_entries(lowered, v.name, fitted.raw, found, float(radius))
        how = f"entry by entry, the most likely within {radius:g}"
    elif fitted.model.plan.facts.score.value == "exact":
        found |= _by_gradient(lowered, fitted.raw, values, float(radius))
        how = f"{STEPS} steps along the gradient's sign within {radius:g}, the best of them"
    else:
        first = next(v for v in variables if not greedily(v, lowered.facts))
        raise DgmError(codes.no_purifying(first.span, first.name, str(first.type.kind)))
    names = [v.name for v in variables]
    shown = fitted.inlet.invert({name: np.asarray(found[name]) for name in names})
    return only({name: Result(array, "estimate", None, how) for name, array in shown.items()})


@partial(jax.jit, static_argnums=(0, 1))
def _by_entries(
    lowered: Lowered, name: str, params: Params, values: Values, radius: float
) -> Array:
    kind = lowered.program.variables[name].type.kind
    levels = jnp.asarray(choices(kind))
    order = order_of(lowered.built, name)

    def choose(law: Law, inside: Evaluation, seen: Array) -> Array:
        law_here = distribution(law, inside)
        logs = jax.vmap(lambda level: law_here.log_prob(level))(levels.astype(seen.dtype))
        logs = jnp.where(jnp.abs(levels - seen) <= radius, logs, -jnp.inf)
        return levels[jnp.argmax(logs)]

    def one(values: Values) -> Array:
        seen = values[name].reshape(-1)[order]
        return sequentially(lowered.built, params, values, name, seen, choose)

    return jax.vmap(one)(values)


@partial(jax.jit, static_argnums=0)
def _by_gradient(lowered: Lowered, params: Params, values: Values, radius: float) -> Values:
    names = [v.name for v in lowered.program.having("data")]

    def one(values: Values) -> Values:
        start = {name: values[name] for name in names}

        def log_p(x: Values) -> Array:
            return lowered.log_prob(params, {**values, **x})

        def step(i: Array, carried: tuple[Values, Values, Array]) -> tuple[Values, Values, Array]:
            x, best, highest = carried
            size = 0.25 * radius * (1.0 - i / STEPS)
            slope = jax.grad(log_p)(x)
            x = {
                n: jnp.clip(x[n] + size * jnp.sign(slope[n]), start[n] - radius, start[n] + radius)
                for n in names
            }
            found = log_p(x)
            better = found > highest
            best = {n: jnp.where(better, x[n], best[n]) for n in names}
            return x, best, jnp.where(better, found, highest)

        return jax.lax.fori_loop(0, STEPS, step, (start, start, log_p(start)))[1]

    return jax.vmap(one)(values)

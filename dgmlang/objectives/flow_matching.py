"""Flow matching: a field learns the velocities of straight paths from base to data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.assignment import assignment
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.batch import along as beside
from dgmlang.objectives.batch import keyed, strata
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "flow_matching")
def flow_matching(lowered: Lowered, *, coupling: str = "independent") -> Objective:
    """‖v(x_t, t) − (x₁ − x₀)‖², x_t = (1 − t) x₀ + t x₁, of a draw x₀ of the base and a datum x₁.

    Its least is at v(x, t) = E[x₁ − x₀ | x_t = x], whose flow carries the base into the data. One
    evaluation of the field an example and no equation is solved. Stages before and behind the field
    have nothing to learn, so x₀ and x₁ are taken through them. Times are stratified over the batch.

    The loss at its least is the variance of the velocities, no likelihood; `log_prob` of the fit is
    one. Paths that cross cost solver steps later: `coupling = ot` pairs the draws of a batch with
    its data so that the squared distances are least, which straightens them. The pairs' two laws
    stay what they are, so the flow still ends at the data. The pairing is exact, of some n² log n
    operations for n examples, many of them in sequence: take batches of a few hundred.

    Source: Lipman et al. 2023, eq. 23, arXiv:2210.02747; Tong et al. 2024, sec. 3.2.5,
    arXiv:2302.00482.
    """
    if coupling not in COUPLINGS:
        raise DgmError(queries.unknown_choice("coupling", coupling, COUPLINGS))
    ends, velocity = keyed(lowered.path_ends), jax.vmap(lowered.velocity, (None, 0, 0, 0))

    def each(params: Params, values: Values, key: Array) -> Array:
        first, second = jax.random.split(key)
        start, end = ends(params, first, values)
        start = start[COUPLINGS[coupling](start, end)]
        t = strata(second, len(end)).astype(end.dtype)
        place = start + beside(t, end) * (end - start)
        off = velocity(params, values, place, t) - (end - start)
        return jnp.sum(jnp.square(off).reshape(len(off), -1), axis=1)

    return averaged(lowered, "flow_matching", "flow-matching loss, not a likelihood", each)


def _as_drawn(start: Array, _: Array) -> Array:
    return jnp.arange(len(start))


def _nearest(start: Array, end: Array) -> Array:
    """For each datum the draw that the assignment of least total squared distance gives it."""
    a, b = (jax.lax.stop_gradient(side.reshape(len(side), -1)) for side in (end, start))
    cost = jnp.sum(a**2, 1)[:, None] - 2 * a @ b.T + jnp.sum(b**2, 1)[None]
    return assignment(cost)


COUPLINGS: Mapping[str, Callable[[Array, Array], Array]] = {
    "independent": _as_drawn,
    "ot": _nearest,
}
"""By name, (x₀ [n, …], x₁ [n, …]) → for each x₁ the place of its x₀."""

"""The modelled score of one example as a vector field, for objectives that match scores."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import per_example
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import data_names, only

Field = Callable[[Params, Array, Values, Array], Array]
"""(params, x [n, d], batch, t [n]) → the score [n, d] of the data variables laid end to end.

The batch gives the givens; t is read under a process only.
"""


def score_field(lowered: Lowered) -> Field:
    """The score as a field over the data variables, all of one batch at once.

    Losses differentiate it again, so equations in flows are solved for that.
    """
    lowered = lowered.solved(how="forward", noted=None)
    names = data_names(lowered)

    def one(params: Params, x: Array, values: Values, t: Array) -> Array:
        _, unravel = ravel_pytree(only(values, names))
        time = None if lowered.process is None else t
        slopes = lowered.score(params, {**values, **unravel(x)}, time)
        return ravel_pytree(only(slopes, names))[0]

    return jax.vmap(one, in_axes=(None, 0, 0, 0))


def flat_data(lowered: Lowered, batch: Values) -> Array:
    """The data variables of a batch laid end to end, [n, d]."""
    names = data_names(lowered)
    return per_example(lambda _, values: ravel_pytree(values)[0])({}, only(batch, names))


def exact_trace(field: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
    """The field [n, d] at x [n, d] and the trace [n] of its Jacobian.

    d Jacobian-vector products, one at a time over the whole batch, in a scan that keeps none of
    their intermediates for the backward pass.
    """
    n, d = x.shape

    @jax.checkpoint
    def add_diagonal(total: Array, i: Array) -> tuple[Array, None]:
        direction = jnp.broadcast_to(jax.nn.one_hot(i, d, dtype=x.dtype)[None], (n, d))
        _, slope = jax.jvp(field, (x,), (direction,))
        return total + jnp.take(slope, i, axis=1), None

    trace, _ = jax.lax.scan(add_diagonal, jnp.zeros(n, x.dtype), jnp.arange(d))
    return field(x), trace

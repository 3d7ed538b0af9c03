"""The paths from base to data of a variable that one vector field carries, without following it."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.bijections.bijection import pull
from dgmlang.bijections.ode import Carried
from dgmlang.compiler.derive.field_flow import FieldFlow, field_flow
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.laws import distribution, transform
from dgmlang.objectives.objective import Params, Values


def ends(built: Built, params: Params, key: Array, values: Values) -> tuple[Array, Array]:
    """What the field carries at time 0, a draw of the base, and at time 1, by the data's value."""
    flow, inside = _flow(built), evaluation(built, params, values)
    start = jnp.asarray(distribution(flow.base, inside).sample(key))
    for stage in flow.before:
        start = jnp.asarray(transform(stage, inside)(start))
    end = jnp.asarray(values[flow.variable])
    for stage in reversed(flow.behind):
        end = pull(transform(stage, inside), end)[0]
    return start, end


def velocity(built: Built, params: Params, values: Values, x: Array, t: Array) -> Array:
    """The field at a place and a time, given the example's givens."""
    flow, inside = _flow(built), evaluation(built, params, values)
    carried = transform(flow.field, inside)
    assert isinstance(carried, Carried)
    return carried.velocity(x, t)


def _flow(built: Built) -> FieldFlow:
    found = field_flow(built.program)
    assert found is not None
    return found

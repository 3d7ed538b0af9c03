"""The critic: a number for values of the variables it names."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.built import UNNAMED, Built, at
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.objectives.objective import Params, Values

NAME = "critic"
"""Where its parameters stand, a reserved word."""


def critic(built: Built, params: Params, values: Values) -> Array:
    """The critic's value at one example."""
    found = built.program.critic
    assert found is not None
    body = features(built, params, values)
    head = built.heads.get((NAME, found.head.name))
    return body if head is None else head(at(params, (NAME, UNNAMED)), body)


def features(built: Built, params: Params, values: Values) -> Array:
    """What the critic's head reads at one example; the critic's value where it has none."""
    found = built.program.critic
    assert found is not None
    local = {name: values[name] for name in found.parameters}
    return jnp.asarray(evaluation(built, params, {}, **local).value(found.value))

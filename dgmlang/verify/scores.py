"""Is sliced score matching, in the mean, score matching with the exact trace."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.derive.divergence import vector_fields
from dgmlang.objectives.objective import Params
from dgmlang.verify.directions import ESTIMATES, along_directions, directions, unbiased
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import Instance

STEPS, FEWER = 4, 2**9
"""Where an equation is differentiated three times: its equal steps, and the estimates made.

What is held against each other is solved alike, so that how well it is solved does not matter.
"""


def scores(instance: Instance) -> Iterator[Finding]:
    """One test of the gradient of `ssm`, where it and `sm` can both be taken of the data."""
    verdicts = instance.model.plan.objectives
    usable = all(verdicts[name].legal and verdicts[name].built for name in ("sm", "ssm"))
    if not usable or instance.lowered.facts.flags["process"]:
        return  # under a process both are taken at random times
    example = {**instance.given, **{n: v[0] for n, v in instance.examples(1).items()}}
    batch = {name: value[None] for name, value in example.items()}
    flat, unflat = ravel_pytree(instance.params)
    solved = bool(vector_fields(instance.lowered.program))
    how = {"steps": STEPS} if solved else {}
    exact, key = instance.objective("sm", **how), instance.key("exact")

    state = exact.start(key, instance.params, batch)

    def loss(params: Params) -> jax.Array:
        return exact.players[0].loss(params, state, batch, key)[0]

    slope = jax.jit(jax.grad(lambda point: loss(unflat(point))))(flat)
    expected = -(directions(instance) @ slope)
    sliced, count = instance.objective("ssm", **how), FEWER if solved else ESTIMATES
    found = along_directions(instance, sliced, example, count)
    yield unbiased("ssm", found, expected, jnp.zeros_like(expected))

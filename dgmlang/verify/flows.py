"""Do bijections invert, and is their log-determinant that of their Jacobian."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.bijections.bijection import pull, push
from dgmlang.compiler.lower.built import at
from dgmlang.compiler.program import Stage
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import chains
from dgmlang.samplers.initial import noise
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import Instance

POINTS = 32
ROUND_TRIP = 1e-3
LOG_DET = 2e-3
"""What single precision may do to a value of about 1, and to a log-determinant."""


def flows(instance: Instance) -> Iterator[Finding]:
    """Two tests of every outermost bijection."""
    built = instance.lowered.built
    stages = {id(s): s for chain in chains(built.program) for s in chain.stages}
    for place in built.bijections:
        yield from _stage(instance, stages[place])


def _stage(instance: Instance, stage: Stage) -> Iterator[Finding]:
    built = instance.lowered.built
    path = built.paths[id(stage)]
    name, shape = ".".join(path), numbers(stage.source.array_shape)
    keys = jax.random.split(instance.key(name), POINTS)
    inputs = {
        key: jax.random.normal(instance.key(f"{name}/{key}"), numbers(e.type.array_shape))
        for key, e in stage.inputs.items()
    }
    transform = built.bijections[id(stage)].transform(at(instance.params, path), **inputs)
    points = jax.vmap(lambda key: noise(stage.source.kind, shape, key))(keys)

    def there_and_back(x: Array) -> tuple[Array, Array, Array]:
        y, log_det = push(transform, x)
        back, same = pull(transform, y)
        return jnp.max(jnp.abs(back - x)), log_det, same

    def slope(x: Array) -> Array:
        jacobian = jax.jacfwd(lambda v: push(transform, v.reshape(shape))[0].reshape(-1))
        return jnp.linalg.slogdet(jacobian(x.reshape(-1)))[1]

    errors, log_dets, back = jax.jit(jax.vmap(there_and_back))(points)
    true = jax.jit(jax.vmap(slope))(points)
    yield Finding(
        f"bijection {name}", "undoes itself", f"{POINTS} points there and back",
        float(jnp.max(errors)), ROUND_TRIP * (1.0 + float(jnp.max(jnp.abs(points)))),
        "1 % too far on the way back", 0.01 * float(jnp.max(jnp.abs(points))),
    )  # fmt: skip
    off = jnp.maximum(jnp.abs(log_dets - true), jnp.abs(back - true))
    allowed = LOG_DET * (1.0 + float(jnp.max(jnp.abs(true))))
    yield Finding(
        f"bijection {name}", "has the log-determinant of its Jacobian", "the Jacobian by autodiff",
        float(jnp.max(off)), allowed,
        "one scale 5 % too large", float(jnp.max(off)) + 0.05,
    )  # fmt: skip

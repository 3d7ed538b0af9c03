"""Do bijections invert, and is their log-determinant that of their Jacobian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import pull, push
from dgmlang.compiler.lower.built import at
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.program import Expr, Stage
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import chains
from dgmlang.samplers.initial import noise
from dgmlang.solvers.solving import Solving
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import Instance

POINTS = 32
UNITS = 1000.0
"""How many units in the last place a chain may lose of numbers of order one."""
EPS = float(jnp.finfo(jnp.float64).eps)
SOLVED = 100.0
"""How many tolerances the steps of a differential equation may lose together: one each."""
LOG_DET = 1e-6
"""What rounding may do to a log-determinant."""


class Trip(NamedTuple):
    """One point there and back, with the Jacobian and the slope of the log-determinant there.

    `units`: what may be lost of numbers of order one.
    """

    units: float
    x: Array
    y: Array
    back: Array
    log_det: Array
    same: Array
    jacobian: Array
    slope: Array

    @property
    def true(self) -> Array:
        """The log-determinant of the Jacobian."""
        return jnp.asarray(jnp.linalg.slogdet(self.jacobian)[1])

    def lost(self) -> Array:
        """How far from x rounding may carry what comes back, entry by entry.

        y is known to about ε (1 + |y| + |J| (1 + |x|)), which J⁻¹ takes back: a stage that is
        almost flat loses digits, and is not wrong for it. A solver keeps to its own tolerance.
        """
        inner, inverse = 1.0 + jnp.abs(self.x), jnp.abs(jnp.linalg.inv(self.jacobian))
        return self.units * (
            inverse @ (1.0 + jnp.abs(self.y) + jnp.abs(self.jacobian) @ inner) + inner
        )

    def inverts(self) -> tuple[Array, Array]:
        """The error of what comes back in units of what may be lost; and of 1 % too much."""
        lost = self.lost()
        return jnp.max(jnp.abs(self.back - self.x) / lost), jnp.max(0.01 * jnp.abs(self.x) / lost)

    def measures(self) -> tuple[Array, Array]:
        """The same of the two log-determinants; and of one scale 5 % too large."""
        # An error δJ moves log |det J| by tr(J⁻¹ δJ), and J is known to about ε |J|.
        steep = jnp.sum(jnp.abs(jnp.linalg.inv(self.jacobian)) * jnp.abs(self.jacobian).T)
        own = LOG_DET * (1.0 + jnp.abs(self.true)) + self.units * steep
        back = own + jnp.sum(jnp.abs(self.slope) * self.lost())
        there = jnp.abs(self.log_det - self.true) / own
        return jnp.maximum(there, jnp.abs(self.same - self.true) / back), there + 0.05 / own


def flows(instance: Instance) -> Iterator[Finding]:
    """Two tests of every outermost bijection, in double precision.

    Parameters that were moved at random make deep chains steep: in single precision so much may be
    lost on the way that a mistake would not stand out.
    """
    built = instance.lowered.built
    stages = {id(s): s for chain in chains(built.program) for s in chain.stages}
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), instance.params)
        exact = replace(instance, params=params)
        for place in built.bijections:
            yield from _stage(exact, stages[place])


def _stage(instance: Instance, stage: Stage) -> Iterator[Finding]:
    built = instance.lowered.built
    path = built.paths[id(stage)]
    name, shape = ".".join(path), numbers(stage.source.array_shape)
    keys = jax.random.split(instance.key(name), POINTS)

    def drawn(e: Expr) -> Array:
        key = instance.key(f"{name}/{e.span.start}")
        return jax.random.normal(key, numbers(e.type.array_shape))

    solved = replace(built, solving=Solving(how="forward"))
    inputs = evaluation(solved, instance.params, {}).inputs(stage, drawn)
    transform = built.bijections[id(stage)].transform(at(instance.params, path), **inputs)
    points = jax.vmap(lambda key: noise(stage.source.kind, shape, key))(keys)

    units = max(UNITS * EPS, SOLVED * stage.settings.get("rtol", 0.0))
    inverse, log_det = jax.jit(jax.vmap(partial(judged, transform, units)))(points)
    yield Finding(
        f"bijection {name}", "undoes itself",
        f"{POINTS} points there and back, in units of what rounding may carry",
        float(jnp.max(inverse[0])), 1.0, "1 % too far on the way back", float(jnp.max(inverse[1])),
    )  # fmt: skip
    yield Finding(
        f"bijection {name}", "has the log-determinant of its Jacobian",
        "the Jacobian by autodiff, in units of what rounding may carry",
        float(jnp.max(log_det[0])), 1.0, "one scale 5 % too large", float(jnp.max(log_det[1])),
    )  # fmt: skip


def judged(
    transform: Transform[Any], units: float, x: Array
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """One point there and back: its inverse and its log-determinants, in what rounding allows."""

    def flat(entries: Array) -> tuple[Array, Array]:
        y, log_det = push(transform, entries.reshape(x.shape))
        return y.reshape(-1), log_det

    y, log_det = push(transform, x)
    back, same = pull(transform, y)
    matrix, slope = jax.jacfwd(flat)(x.reshape(-1))
    found = Trip(
        units, x.reshape(-1), y.reshape(-1), back.reshape(-1), log_det, same, matrix, slope
    )
    return found.inverts(), found.measures()

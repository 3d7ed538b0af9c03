"""A continuous flow: points follow a vector field from time 0, the base's, to time 1, the data's.

    dx/dt = v(x, t),   log |det ∂y/∂x| = ∫₀¹ tr ∇ₓv(x(t), t) dt

Any net is a field, with no mask or split, and the Jacobian is free of form. Both directions take a
differential equation each: as many evaluations of v as the tolerances ask for, some thirty to
three hundred as the field bends. A density takes the divergence along: a product with the Jacobian
for each entry up to 32 of them, beyond for each of `probes` random directions, held fixed through a
solve, so that the log density is an unbiased estimate.

Gradients go back through the solver's own steps, from checkpoints; `direct` keeps all of them, for
derivatives of derivatives. So they are those of what is computed, at any tolerance.

Train it with `flow_matching`, which solves nothing. Take `coupling` where a pass each way must be
cheap.

Source: Chen et al. 2018, eq. 8, arXiv:1806.07366; Grathwohl et al. 2019, eq. 4, arXiv:1810.01367.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.bijections.bijection import AbstractFlow, Builder, VectorField
from dgmlang.compiler.derive.divergence import EXACT_UP_TO
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements
from dgmlang.solvers.divergence import divergence, probes
from dgmlang.solvers.solve import Scheme, solve
from dgmlang.solvers.solving import Solving

FORWARD, BACKWARD = (0.0, 1.0), (1.0, 0.0)
"""The span of time of a draw, and of a density."""


class Carried(AbstractFlow):
    """The flow of the field at its weights and run-time arguments."""

    leaves = ("params", "inputs", "solving")

    def __init__(
        self, own: Ode, params: Params, inputs: Mapping[str, Any], solving: Solving
    ) -> None:
        self.own, self.rank = own, len(own.target)
        self.params, self.inputs, self.solving = params, dict(inputs), solving
        self.scheme = replace(own.scheme, steps=solving.steps or own.scheme.steps)

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._with_divergence(x, FORWARD)

    def pull(self, y: Array) -> tuple[Array, Array]:
        x, gained = self._with_divergence(y, BACKWARD)
        return x, -gained

    def velocity(self, x: Array, t: Array) -> Array:
        """The field at x and t."""
        return self.own.field(self.params, x, t, **self.inputs)

    def __call__(self, x: Array) -> Array:
        return self._mapped(lambda x: (self._moved(x, FORWARD), x), x)[0]

    def _inverse(self, y: Array) -> Array:
        return self._mapped(lambda y: (self._moved(y, BACKWARD), y), y)[0]

    def _with_divergence(self, x: Array, span: tuple[float, float]) -> tuple[Array, Array]:
        own, solving = self.own, self.solving
        x = self._widest(x)

        def field(t: Array, state: tuple[Array, Array], args: Any) -> tuple[Array, Array]:
            params, inputs, directions = args
            value, slopes = divergence(
                lambda x: own.field(params, x, t, **inputs).astype(x.dtype), state[0], directions
            )
            return value, jnp.mean(slopes)

        args = self.params, self.inputs, own.directions(solving.key, x.dtype)
        state = x, jnp.zeros((), x.dtype)
        found, count = solve(field, state, span, args, self.scheme, solving.how)
        self._note(count)
        return found

    def _moved(self, x: Array, span: tuple[float, float]) -> Array:
        own, x = self.own, self._widest(x)

        def field(t: Array, x: Array, args: Any) -> Array:
            params, inputs = args
            return own.field(params, x, t, **inputs).astype(x.dtype)

        args = self.params, self.inputs
        found, count = solve(field, x, span, args, self.scheme, self.solving.how)
        self._note(count)
        return found

    def _note(self, count: Array) -> None:
        if self.solving.noted is not None:
            self.solving.noted.note(count)

    def _widest(self, x: Array) -> Array:
        """The value in the widest precision of all that goes in."""
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves((x, self.params, self.inputs))]
        floats = [leaf.dtype for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
        return jnp.asarray(x, jnp.result_type(*floats))


@dataclass(frozen=True, eq=False)
class Ode:
    """The flow of one site; its parameters are those of its field, where it is its own."""

    target: Shape
    field: VectorField
    scheme: Scheme
    probes: int | None

    def init(self, rng: np.random.Generator) -> Params:
        return self.field.init(rng)

    def transform(self, params: Params, solving: Solving | None = None, **inputs: Any) -> Carried:
        """`inputs` are the condition and what the field takes besides."""
        return Carried(self, params, inputs, solving or Solving())

    def directions(self, key: Array | None, dtype: Any) -> Array | None:
        """Random directions where there is a key and the divergence is not summed exactly."""
        n = int(np.prod(self.target))
        if key is None or (self.probes is None and n <= EXACT_UP_TO):
            return None
        return probes(key, self.probes or 1, n, dtype)


@implements("bijection", "ode")
def ode(settings: Mapping[str, Any], site: Site, build: Builder) -> Ode:
    """`ode(field, condition, solver, rtol, atol, steps, probes, adjoint)` on any array."""
    field = build.field(settings["field"], site.shape, site.inputs.get("condition"))
    names = ("solver", "rtol", "atol", "steps", "adjoint")
    scheme = Scheme(**{name: settings[name] for name in names})
    return Ode(site.shape, field, scheme, settings["probes"])

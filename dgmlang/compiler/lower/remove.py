"""Latents leave the joint density exactly: one function a rule, from a density to a density."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp

from dgmlang.compiler.derive.facts import Removal
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import choices, dtype
from dgmlang.compiler.lower.joint import log_joint
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values

Density = Callable[[Values], Array]
"""The log density of some variables at their values, the parameters fixed."""


def summed(density: Density, variable: Variable) -> Density:
    """The marginal log Σ_z p(z, rest), over all states of a finite variable at once."""
    every = states([variable])

    def marginal(values: Values) -> Array:
        return logsumexp(jax.vmap(lambda state: density({**values, **state}))(every))

    return marginal


def freed(density: Density, variable: Variable) -> Density:
    """The marginal a + Σ_i log Σ_{h_i} exp(g_i h_i), where log p is affine in h: a + g · h.

    softplus(g) for bits, log 2cosh(g) for spins, both without overflow. Affine functions are
    their own expansion at 0, so a and g are the value and the gradient there.
    """

    def marginal(values: Values) -> Array:
        at_zero = jnp.zeros(numbers(variable.type.array_shape), jnp.result_type(float))
        value, slope = jax.value_and_grad(lambda h: density({**values, variable.name: h}))(at_zero)
        spin = variable.type.kind.name == "spin"
        return value + jnp.sum(jnp.logaddexp(slope, -slope) if spin else jax.nn.softplus(slope))

    return marginal


def kept(density: Density, _: Variable) -> Density:
    """The rule by which the joint density already does without the variable."""
    return density


RULES: Mapping[str, Callable[[Density, Variable], Density]] = {
    "sum": summed,
    "free energy": freed,
    "change of variables": kept,
}


def log_prob(built: Built, params: Params, values: Values) -> Array:
    """The log density of what is left when all removable latents are removed, innermost first."""
    return _removed(built, params, built.facts.removed)(values)


def responsibilities(built: Built, params: Params, values: Values) -> tuple[Values, Array]:
    """The joint states [S, …] of the latents summed out, and their log p(state | values)."""
    sums = [r for r in built.facts.removed if r.rule == "sum"]
    density = _removed(built, params, [r for r in built.facts.removed if r.rule != "sum"])
    every = states([built.program.variables[r.variable] for r in sums])
    weights = jax.vmap(lambda state: density({**values, **state}))(every)
    return every, jax.nn.log_softmax(weights)


def states(variables: list[Variable]) -> Values:
    """All joint states of finite variables, along a new leading axis."""
    sizes = [int(np.prod(numbers(v.type.shape))) for v in variables]
    every = [
        choices(v.type.kind) for v, size in zip(variables, sizes, strict=True) for _ in range(size)
    ]
    table = np.array(list(product(*every)), float).reshape(-1, sum(sizes))
    columns = np.split(table, np.cumsum(sizes)[:-1], axis=1)
    return {
        v.name: jnp.asarray(c.reshape(-1, *numbers(v.type.shape)), dtype(v.type.kind))
        for v, c in zip(variables, columns, strict=True)
    }


def _removed(built: Built, params: Params, removals: Iterable[Removal]) -> Density:
    density: Density = partial(log_joint, built, params)
    for removal in removals:
        density = RULES[removal.rule](density, built.program.variables[removal.variable])
    return density

"""Points and weights to integrate over variables with, whatever their kinds.

Finite variables are enumerated. Continuous ones are covered by importance sampling: a wide kernel
around each of some centres. The estimate is unbiased for any density that the kernels cover,
wherever the centres came from, and its error is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log, prod

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from numpyro.distributions import biject_to, constraints

from dgmlang.compiler.program import Variable
from dgmlang.evaluate.states import numbered, total_states, whole
from dgmlang.objectives.objective import Values
from dgmlang.objectives.variables import shape_of

MOST_STATES = 16
"""log₂ of how many joint states of finite variables are enumerated."""

FEW_DIMS, MOST_DIMS = 3, 4
"""How many continuous numbers importance sampling takes easily, and how many at all."""

POINTS = 2**15
"""Points of the cover of continuous variables, fewer where finite states multiply them."""

ENOUGH = 500
"""Fewer effective points than these say nothing that can be trusted."""

BATCH = 2**12
"""Points whose densities are in memory together."""

_SUPPORTS = {
    "real": constraints.real,
    "positive": constraints.positive,
    "unit": constraints.unit_interval,
    "simplex": constraints.simplex,
}


def fits(variables: Sequence[Variable], most: int = MOST_DIMS) -> bool:
    """Whether the variables can be integrated over here, with so many continuous numbers."""
    finite = [v for v in variables if v.type.kind.space == "finite"]
    rest = [v for v in variables if v.type.kind.space != "finite"]
    dims = sum(map(_dims, rest))
    if any(v.role == "data" and v.type.varying for v in variables):
        return False  # the sum would be over all lengths
    covered = all(v.type.kind.name in _SUPPORTS for v in rest) and dims <= most
    states = total_states(tuple(map(whole, finite)))
    return covered and states <= (MOST_STATES if not rest else MOST_STATES / 2)


def _dims(variable: Variable) -> int:
    """How many numbers are free: the last of each vector on a simplex is what the others leave."""
    *outer, last = shape_of(variable) or (1,)
    return prod(outer) * (last - 1 if variable.type.kind.name == "simplex" else last)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Values [points, states, …] of the variables; ∫ f = mean over points of Σ over states f w.

    `log_weights` is [points]: minus the log density of the cover, 0 where nothing is continuous.
    """

    values: Values
    log_weights: Array

    @property
    def sampled(self) -> bool:
        """Whether the integral is an estimate."""
        return self.log_weights.shape[0] > 1

    def each(self, function: Callable[[Values], Array]) -> Array:
        """A function of one joint value at every node, [points, states, …]."""
        shape = next(iter(self.values.values())).shape[:2]
        flat = {n: v.reshape(-1, *v.shape[2:]) for n, v in self.values.items()}
        found = jax.jit(partial(jax.lax.map, function, batch_size=BATCH))(flat)
        return found.reshape(*shape, *found.shape[1:])

    def masses(self, log_f: Array) -> Array:
        """The products w f summed over states, [points]; points outside of the support count 0."""
        return jnp.sum(self.weights(log_f), axis=1)

    def weights(self, log_f: Array) -> Array:
        """The products w f, [points, states]."""
        return _weights(log_f, self.log_weights)

    def effective(self, log_f: Array) -> float:
        """How many exact draws the weighted points are worth (Kong 1992)."""
        mass = self.masses(log_f - jnp.max(log_f))
        return float(jnp.sum(mass) ** 2 / jnp.sum(mass**2)) if self.sampled else jnp.inf

    def mean(self, log_f: Array, values: Array) -> tuple[Array, Array]:
        """The mean of values [points, states, m] under the law that f is proportional to.

        With its standard error, that of a ratio of means (delta method).
        """
        found, error = _ratio(self.weights(log_f), values)
        return found, error if self.sampled else jnp.zeros_like(error)


@jax.jit
def _weights(log_f: Array, log_weights: Array) -> Array:
    terms = jnp.where(jnp.isnan(log_f), -jnp.inf, log_f)
    return jnp.exp(terms + log_weights[:, None])


@jax.jit
def _ratio(weights: Array, values: Array) -> tuple[Array, Array]:
    """Σ w v / Σ w over points and states, and its standard error over points."""
    each, mass = jnp.einsum("ps,psm->pm", weights, values), jnp.sum(weights, axis=1)
    found = jnp.sum(each, axis=0) / jnp.sum(mass)
    residual = each - mass[:, None] * found[None]
    return found, jnp.sqrt(jnp.sum(residual**2, axis=0)) / jnp.sum(mass)


@jax.jit
def mean_and_error(values: Array) -> tuple[Array, Array]:
    """The mean over the leading axis and its standard error; no error of a single value."""
    n = values.shape[0]
    error = jnp.std(values, axis=0) / jnp.sqrt(max(n - 1, 1))
    return jnp.mean(values, axis=0), error if n > 1 else jnp.zeros_like(error)


def nodes(variables: Sequence[Variable], centres: Values, key: Array) -> Nodes:
    """Nodes over all values of the variables; `centres` [n, …] are values of continuous ones."""
    finite = tuple(whole(v) for v in variables if v.type.kind.space == "finite")
    rest = [v for v in variables if v.type.kind.space != "finite"]
    count = round(2 ** total_states(finite))
    states = jax.vmap(partial(numbered, finite))(jnp.arange(count)) if finite else {}
    cover = jax.jit(partial(_cover, rest, count=max(POINTS // count, 256)))
    points, log_weights = cover(centres, key)
    n = log_weights.shape[0]
    every = {name: jnp.broadcast_to(v[None], (n, *v.shape)) for name, v in states.items()}
    every |= {
        name: jnp.broadcast_to(v[:, None], (n, count, *v.shape[1:])) for name, v in points.items()
    }
    return Nodes(every, log_weights)


def _cover(
    variables: list[Variable], centres: Values, key: Array, *, count: int
) -> tuple[Values, Array]:
    """Draws of a mixture of t laws around the centres, on the reals, and −log of its density."""
    if not variables:
        return {}, jnp.zeros(1)
    maps = {v.name: biject_to(_SUPPORTS[v.type.kind.name]) for v in variables}
    flat = {n: jax.vmap(m.inv)(centres[n]).reshape(len(centres[n]), -1) for n, m in maps.items()}
    middle = jnp.concatenate(list(flat.values()), axis=1)
    width = jnp.std(middle, axis=0) + 1e-3
    first, second = jax.random.split(key)
    chosen = middle[jax.random.randint(first, (count,), 0, len(middle))]
    kernel = dist.StudentT(4.0)
    points = chosen + width[None] * kernel.sample(second, chosen.shape)

    def log_density(point: Array) -> Array:
        scaled = (point[None] - middle) / width[None]
        each = jnp.sum(kernel.log_prob(scaled) - jnp.log(width)[None], axis=1)
        return jax.nn.logsumexp(each) - log(len(middle))

    log_q = jax.lax.map(log_density, points, batch_size=256)
    values: Values = {}
    for v in variables:
        n = flat[v.name].shape[1]
        shape = maps[v.name].inverse_shape(shape_of(v))
        raw, points = points[:, :n].reshape(count, *shape), points[:, n:]
        values[v.name] = jax.vmap(maps[v.name])(raw)
        jacobian = jax.vmap(maps[v.name].log_abs_det_jacobian)(raw, values[v.name])
        log_q = log_q - jnp.sum(jacobian.reshape(count, -1), axis=1)
    return values, -log_q

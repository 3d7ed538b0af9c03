"""A table of the joint states of finite sites, each with its weight and the Gaussian in it.

With reals z that are Gaussian given a state s and the known entries, log p(s, z) is a quadratic
function of z, so that its integral weighs s (`Quadratic`). Without reals, log p(s) is the weight.
Entries that are known are rows of the identity in the curvature, and have slope 0.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_solve

from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import mask
from dgmlang.compiler.lower.quadratic import Quadratic
from dgmlang.compiler.types.dims import numbers
from dgmlang.evaluate.conditional import Conditional
from dgmlang.evaluate.log_normalizer import CHUNK
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.target import holding

EXAMPLES = 16
"""Examples that are weighed together."""


class Table(NamedTuple):
    """Which sites have states, of each example.

    Attributes:
        sites: Their places among all sites of the finite variables laid end to end [n, k].
        levels: How many levels each has, 1 where an example has fewer sites [n, k].
        states: The greatest number of joint states.
    """

    sites: np.ndarray
    levels: np.ndarray
    states: int


class Weighed(NamedTuple):
    """What the table says of one example.

    `levels` [all sites, most levels]: probabilities of the missing sites, 0 elsewhere. `means` and
    `variances` [reals]: of the Gaussians together.
    """

    levels: Array
    means: Array
    variances: Array


def table(how: Conditional, missing: dict[str, np.ndarray], n: int) -> Table:
    """The sites that are missing; all those of variables that nothing is known of."""
    masks, levels = [np.zeros((n, 0), bool)], [np.zeros(0, int)]
    for name in how.finite:
        size = how.size(name)
        gone = missing.get(name, np.ones((n, size), bool)).reshape(n, size)
        masks.append(gone)
        levels.append(np.full(size, how.levels(name)))
    mask, of = np.concatenate(masks, axis=1), np.concatenate(levels)
    k = int(mask.sum(axis=1).max(initial=0))
    # The missing sites of each example first, then others, which have one level: themselves.
    order = np.argsort(~mask, axis=1, kind="stable")[:, :k]
    there = np.take_along_axis(mask, order, axis=1)
    counts = np.where(there, of[order], 1)
    sites = np.where(there, order, mask.shape[1])
    states = int(counts.prod(axis=1, dtype=float).max(initial=1))
    return Table(sites.astype(np.int32), counts.astype(np.int32), states)


@partial(jax.jit, static_argnums=(0, 1))
def weighed(
    how: Conditional, count: int, params: Params, sites: Array, levels: Array, values: Values
) -> Weighed:
    """Of each example, in the order of `Conditional.finite` and `.reals`."""

    def one(example: tuple[Array, Array, Values]) -> Weighed:
        sites, levels, _ = example
        log_w, means, variances = _states(how, count, params, *example)
        w = jax.nn.softmax(log_w)
        digits = _digits(jnp.arange(count, dtype=jnp.int32), levels)
        most = max([1, *(how.levels(n) for n in how.finite)])
        each = jnp.stack([w @ (digits == level) for level in range(most)], axis=-1)
        total = max(1, sum(how.size(n) for n in how.finite))
        spread = jnp.zeros((total, most), each.dtype).at[sites].set(each, mode="drop")
        mean = w @ means
        variance = w @ jnp.where(variances > 0, variances + (means - mean[None]) ** 2, 0.0)
        return Weighed(spread, mean, variance)

    return jax.lax.map(one, (sites, levels, values), batch_size=min(len(sites), EXAMPLES))


@partial(jax.jit, static_argnums=(0, 1))
def drawn(
    how: Conditional, count: int, params: Params, keys: Array, sites: Array, levels: Array,
    values: Values,
) -> Values:  # fmt: skip
    """One joint draw for each example of the finite variables and the reals."""

    def one(example: tuple[Array, Array, Array, Values]) -> Values:
        key, sites, levels, values = example
        log_w = _states(how, count, params, sites, levels, values)[0]
        first, second = jax.random.split(key)
        chosen = jax.random.categorical(first, log_w)
        at = _at_state(how, values, sites, levels, chosen)
        if not how.reals:
            return {name: at[name] for name in how.finite}
        found = _merged(how, values, _gaussian(how, params, at).draw(second))
        return {**{name: at[name] for name in how.finite}, **found}

    return jax.lax.map(one, (keys, sites, levels, values), batch_size=min(len(sites), EXAMPLES))


def log_weight(
    how: Conditional, count: int, params: Params, sites: Array, levels: Array, values: Values
) -> Array:
    """The log density of what is known of one example, all states and reals removed."""
    return jax.nn.logsumexp(_states(how, count, params, sites, levels, values)[0])


def _states(
    how: Conditional, count: int, params: Params, sites: Array, levels: Array, values: Values
) -> tuple[Array, Array, Array]:
    """The log weight [states] of each state, mean and variance [states, reals] of the reals."""

    def one(number: Array) -> tuple[Array, Array, Array]:
        at = _at_state(how, values, sites, levels, number)
        inside = number < jnp.prod(levels)
        if not how.reals:
            log_p = _held(how).log_prob(params, _known(how, at))
            return jnp.where(inside, log_p, -jnp.inf), jnp.zeros(1), jnp.zeros(1)
        found = _gaussian(how, params, at)
        mean = ravel_pytree(_merged(how, values, found.mean))[0]
        inverse = cho_solve((found.root, True), jnp.eye(found.root.shape[0], dtype=mean.dtype))
        variance = jnp.where(_mask(how, at), jnp.diag(inverse), 0.0)
        return jnp.where(inside, found.integral, -jnp.inf), mean, variance

    return jax.lax.map(one, jnp.arange(count, dtype=jnp.int32), batch_size=min(count, CHUNK))


def _gaussian(how: Conditional, params: Params, values: Values) -> Quadratic:
    """The expansion of log p in the missing reals, at 0."""
    flat, unravel = ravel_pytree({n: values[n] for n in how.reals})
    mask, lowered = _mask(how, values), _held(how)

    def density(z: Array) -> Array:
        at = unravel(jnp.where(mask, z, flat))
        return lowered.log_prob(params, _known(how, {**values, **at}))

    zero = jnp.zeros_like(flat)
    value, slope = jax.value_and_grad(density)(zero)
    curvature = -jax.hessian(density)(zero) + jnp.diag(jnp.where(mask, 0.0, 1.0))
    return Quadratic(value, slope, jnp.linalg.cholesky(curvature), unravel)


def _mask(how: Conditional, values: Values) -> Array:
    """Which of the reals, laid flat, are missing."""
    masks = {n: values[mask(n)] for n in how.reals}
    return ravel_pytree({n: a.astype(float) for n, a in masks.items()})[0] > 0


def _merged(how: Conditional, values: Values, found: Values) -> Values:
    return {n: jnp.where(values[mask(n)], found[n], values[n]) for n in how.reals}


def _held(how: Conditional) -> Lowered:
    """The model with nothing removed that the table or the Gaussians hold."""
    return holding(how.lowered, dict.fromkeys((*how.finite, *how.reals), jnp.zeros(())))


def _known(how: Conditional, values: Values) -> Values:
    return {name: array for name, array in values.items() if name in how.lowered.program.variables}


def _at_state(
    how: Conditional, values: Values, sites: Array, levels: Array, number: Array
) -> Values:
    """The values with the finite variables in the joint state of this number."""
    if not how.finite:
        return values
    digits = [_as_digits(how, n, values).reshape(-1) for n in how.finite]
    flat = jnp.concatenate(digits).at[sites].set(_digits(number, levels), mode="drop")
    ends = np.cumsum([how.size(n) for n in how.finite])[:-1]
    parts = jnp.split(flat, ends)
    return {**values, **{n: of_digits(how, n, d) for n, d in zip(how.finite, parts, strict=True)}}


def _digits(number: Array, levels: Array) -> Array:
    """Mixed radix, the first site the slowest: [k], or [numbers, k] of many."""
    below = jnp.cumprod(levels[::-1], dtype=levels.dtype)[::-1]
    strides = jnp.append(below, 1)[1:].astype(levels.dtype)
    number = number.astype(levels.dtype)
    return jnp.vectorize(lambda n: (n // strides) % levels, signature="()->(k)")(number)


def _as_digits(how: Conditional, name: str, values: Values) -> Array:
    spin = how.variable(name).type.kind.name == "spin"
    value = values[name]
    return ((value + 1) / 2 if spin else value).astype(jnp.int32)


def of_digits(how: Conditional, name: str, digits: Array) -> Array:
    """An array of the variable's own shape from its sites' levels."""
    variable = how.variable(name)
    spin = variable.type.kind.name == "spin"
    shape = numbers(variable.type.array_shape)
    return stored(variable.type.kind, (2 * digits - 1 if spin else digits).reshape(shape))

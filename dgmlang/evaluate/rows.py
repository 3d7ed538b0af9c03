"""log Z of a lattice whose rows only meet their neighbours, by transfer matrices.

With e the energy of a lattice of zeros, eᵣ(a) where row r is a, and eᵣ(a, b) where row r + 1 is b
too, Möbius inversion (with 0 as the reference) makes of an energy that couples neighbouring rows

    E(s) = e + Σᵣ eᵣ(sᵣ, sᵣ₊₁) − Σᵣ eᵣ₊₁(sᵣ₊₁),

so Z = exp(−e) tr ∏ᵣ Tᵣ with Tᵣ(a, b) = exp(eᵣ₊₁(b) − eᵣ(a, b)).

Source: Kramers & Wannier 1941.
"""

from __future__ import annotations

from itertools import product
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from dgmlang.compiler.derive.facts import Summation
from dgmlang.compiler.lower.domains import choices, stored
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.objective import Params, Values


def by_rows(lowered: Lowered, params: Params, given: Values, found: Summation) -> Array:
    """The exact log Z, differentiable in the parameters, at `found.entries` energies."""
    variable = lowered.program.variables[found.variable]
    shape = numbers(variable.type.array_shape)
    count = shape[found.axis]
    rows = _rows(variable.type.kind, shape[: found.axis] + shape[found.axis + 1 :])
    empty = jnp.zeros_like(rows[0])

    def energy(at: Array, first: Array, second: Array) -> Array:
        """Of row `at` being `first`, the next one `second`, all others 0."""
        lattice = jnp.zeros((count, *rows.shape[1:]), rows.dtype).at[at].set(first)
        lattice = lattice.at[(at + 1) % count].set(second)
        values = {**given, found.variable: jnp.moveaxis(lattice, 0, found.axis)}
        return lowered.energy(params, values)

    def transfer(at: Array) -> Array:
        """The matrix log T of one row with the next, [states, states]."""
        over_second = jax.vmap(energy, in_axes=(None, None, 0))
        # One state of the first row at a time, so that memory is a row of the matrix's.
        pairs = lax.map(lambda first: over_second(at, first, rows), rows)
        return over_second(at, empty, rows)[None, :] - pairs

    def step(so_far: Array, at: Array) -> tuple[Array, None]:
        return _log_matmul(so_far, transfer(at)), None

    around, _ = lax.scan(step, transfer(jnp.int32(0)), jnp.arange(1, count))
    return jax.nn.logsumexp(jnp.diagonal(around)) - energy(jnp.int32(0), empty, empty)


def _rows(kind: Kind, shape: tuple[int, ...]) -> Array:
    """Every state of one row, [states, …]."""
    states = np.array(list(product(choices(kind), repeat=prod(shape))))
    return stored(kind, states.reshape(-1, *shape))


def _log_matmul(left: Array, right: Array) -> Array:
    """The logarithm of exp(left) exp(right), one row of the left at a time."""
    return lax.map(lambda row: jax.nn.logsumexp(row[:, None] + right, axis=0), left)

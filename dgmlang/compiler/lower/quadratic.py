"""Log densities that are quadratic in some variables: Gaussian integrals, means and draws.

At z = 0, where a quadratic function is its own expansion, log p = a + gᵀz − ½ zᵀP z has the value
a, the slope g and the curvature −P. One Cholesky factor of P serves all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_solve, solve_triangular

from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values

Density = Callable[[Values], Array]
"""The log density of some variables at their values, the parameters fixed."""


class Quadratic(NamedTuple):
    """The log density as a function of some variables laid end to end, k numbers.

    value: a, a number. slope: g [k]. root: the lower Cholesky factor L of P [k, k].
    unravel: the variables by name, from their k numbers.
    """

    value: Array
    slope: Array
    root: Array
    unravel: Callable[[Array], Values]

    @property
    def integral(self) -> Array:
        """The log ∫ p dz = a + ½ gᵀP⁻¹g − ½ log |P| + (k/2) log 2π."""
        half = solve_triangular(self.root, self.slope, lower=True)
        volume = 0.5 * self.slope.size * jnp.log(2 * jnp.pi) - _half_log_det(self.root)
        return self.value + 0.5 * half @ half + volume

    @property
    def mean(self) -> Values:
        """The mean P⁻¹g of z."""
        return self.unravel(cho_solve((self.root, True), self.slope))

    def draw(self, key: Array) -> Values:
        """The mean plus L⁻ᵀ ε, whose covariance is (L Lᵀ)⁻¹."""
        noise = jax.random.normal(key, self.slope.shape, self.slope.dtype)
        spread = solve_triangular(self.root, noise, trans=1, lower=True)
        return self.unravel(cho_solve((self.root, True), self.slope) + spread)


def expanded(density: Density, variables: Sequence[Variable], values: Values) -> Quadratic:
    """The expansion of a log density in real variables, the others at their values."""
    zeros = {v.name: jnp.zeros(numbers(v.type.shape), jnp.float32) for v in variables}
    # In the precision of the data and parameters: more would widen what training carries along.
    kind = jax.eval_shape(lambda z: density({**values, **z}), zeros).dtype
    flat, unravel = ravel_pytree({n: zero.astype(kind) for n, zero in zeros.items()})

    def of_latents(z: Array) -> Array:
        return density({**values, **unravel(z)})

    value, slope = jax.value_and_grad(of_latents)(flat)
    root = jnp.linalg.cholesky(-jax.hessian(of_latents)(flat))
    return Quadratic(value, slope, root, unravel)


def _half_log_det(root: Array) -> Array:
    return jnp.sum(jnp.log(jnp.diag(root)))

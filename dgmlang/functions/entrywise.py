"""Functions that act entry by entry, on arrays that the lowering has brought to one rank."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from dgmlang.registry import implements


def _bit(truth: Array) -> Array:
    """Truth values as 0 and 1 in floating point, which is how bits are held."""
    return truth.astype(jnp.result_type(float))


@implements("fn", "power")
def power(left: ArrayLike, right: ArrayLike) -> Array:
    """Left ** right; a whole exponent known at compile time is a product."""
    if not isinstance(right, Array) and np.ndim(right) == 0 and float(np.asarray(right)) % 1 == 0:
        return jnp.power(left, int(np.asarray(right)))
    return jnp.power(left, right)


for _name, _function in {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "negative": jnp.negative,
    "exp": jnp.exp,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "sqrt": jnp.sqrt,
    # JAX gives |x| the slope 1 at 0; this has 0, as the symmetry asks.
    "abs": lambda x: jnp.multiply(x, jnp.sign(x)),
    "tanh": jnp.tanh,
    "sigmoid": jax.scipy.special.expit,
    "log_sigmoid": jax.nn.log_sigmoid,
    "softplus": jax.nn.softplus,
    "relu": jax.nn.relu,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "equal": lambda left, right: _bit(jnp.equal(left, right)),
    "not_equal": lambda left, right: _bit(jnp.not_equal(left, right)),
    "less": lambda left, right: _bit(jnp.less(left, right)),
    "less_equal": lambda left, right: _bit(jnp.less_equal(left, right)),
    "greater": lambda left, right: _bit(jnp.greater(left, right)),
    "greater_equal": lambda left, right: _bit(jnp.greater_equal(left, right)),
    # Polynomials, so that derivatives in a bit are the differences.
    "logical_and": jnp.multiply,
    "logical_or": lambda left, right: jnp.subtract(jnp.add(left, right), jnp.multiply(left, right)),
    "logical_not": lambda value: jnp.subtract(1, value),
}.items():
    implements("fn", _name)(_function)

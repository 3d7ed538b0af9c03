"""Numbers kept above −1, which is where planar and radial flows would fold."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, nn

FLOOR = 1e-3
"""How far above −1 a number stays, so that no Jacobian comes near 0."""


def above_minus_one(raw: Array) -> Array:
    """A softplus of slope 1 far out that takes 0 to 0 and never comes below −1 + FLOOR."""
    return FLOOR - 1.0 + nn.softplus(jnp.asarray(raw) + np.log(np.expm1(1.0 - FLOOR)))

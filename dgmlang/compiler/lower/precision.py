"""What nets can compute in; all else is in single precision, or where JAX is, in double."""

from __future__ import annotations

import jax.numpy as jnp

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError

PRECISIONS = ("float32", "bfloat16", "float64")


def require(precision: str) -> None:
    """Refuse a precision of another name, and doubles where JAX has none (DGM0724, DGM0944)."""
    if precision not in PRECISIONS:
        raise DgmError(codes.no_precision(precision, PRECISIONS))
    if precision == "float64" and jnp.result_type(float) != jnp.float64:
        raise DgmError(codes.no_doubles())

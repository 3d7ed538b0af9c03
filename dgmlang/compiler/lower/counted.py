"""Which entries of a variable its law counts: those before an end that are not missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lengths import until_end
from dgmlang.compiler.lower.missing import lacking, somewhere_inside

if TYPE_CHECKING:
    from dgmlang.compiler.lower.evaluate import Evaluation


def all_count(name: str, inside: Evaluation) -> bool:
    """Whether the whole of a variable counts, whatever its value."""
    return name not in inside.built.leaves and name not in inside.built.lengths


def counted(name: str, inside: Evaluation) -> tuple[Array, Array]:
    """A variable's value with some value of its kind wherever it does not count, and where it does.

    What is missing does not count where it is a leaf: there it integrates to one.
    """
    built, value = inside.built, jnp.asarray(inside.values[name])
    counts = jnp.ones(value.shape, bool)
    if name in built.lengths:
        value, counts = until_end(name, value, inside)
    if name in built.leaves:
        counts &= ~lacking(value)
        value = somewhere_inside(built.program.variables[name], value)
    return value, counts

"""How many entries an example of the data has: what its log density is divided among."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.lower.lengths import length
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.lengths import ended
from dgmlang.objectives.objective import Values


def entries(program: Program, values: Values) -> int | np.ndarray:
    """A number; [n] where lengths vary.

    An end that is drawn, as one more class, is an entry, for it has a probability.
    """
    return sum(_of(v, values, v.name in ended(program)) for v in program.having("data"))


def _of(variable: Variable, values: Mapping[str, jax.Array], with_end: bool) -> int | np.ndarray:
    whole, *rest = *numbers(variable.type.array_shape), 1
    if not variable.type.varying:
        return whole * prod(rest)
    found = jax.vmap(partial(length, variable.type.kind))(values[variable.name])
    return np.asarray(jnp.minimum(found + with_end, whole)) * prod(rest)

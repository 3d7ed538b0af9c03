"""The rest of an autoregression whose first entries are known: its draws go on from them."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.draw import order_of, sequentially
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import sample
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.conditional import goes_on
from dgmlang.compiler.program import Law
from dgmlang.evaluate.conditional import Conditional
from dgmlang.objectives.objective import Params, Values


def continues(how: Conditional, missing: dict[str, np.ndarray]) -> str | None:
    """The only variable that is looked for, where its known entries come first in its order."""
    name = goes_on(how)
    gone = None if name is None else missing.get(name)
    if name is None or gone is None:
        return name
    ordered = gone.reshape(len(gone), -1)[:, order_of(how.lowered.built, name)]
    return name if np.all(ordered[:, 1:] >= ordered[:, :-1]) else None


@partial(jax.jit, static_argnums=(0, 1))
def continued(
    lowered: Lowered, name: str, params: Params, keys: Array, values: Values, missing: Array
) -> Array:
    """The variable [n] + S of each example, what is known as it is."""
    order = order_of(lowered.built, name)

    def choose(law: Law, inside: Evaluation, own: tuple[Array, Array, Array]) -> Array:
        key, known, gone = own
        return jnp.where(gone, sample(law, key, inside), known)

    def one(key: Array, values: Values, missing: Array) -> Array:
        known = values[name].reshape(-1)[order]
        own = (jax.random.split(key, order.size), known, missing.reshape(-1)[order])
        return sequentially(lowered.built, params, values, name, own, choose)

    return jax.vmap(one)(keys, values, missing)

"""From functions about one example to a batch: vmaps, keys, noise times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.objectives.objective import Params, Values

WEIGHT = "sample weight"
"""The entry of a batch that holds its examples' weights [n], of mean 1 over all of the data.

No variable can have this name. Only objectives whose extern has `sample_weight` meet it.
"""


ROW = "row of the data"
"""The entry of a batch that holds where its examples stand among all [n], for parameters of each.

No variable can have this name. Only objectives with `rows` meet it.
"""


def size(batch: Values) -> int:
    """The number of examples."""
    return next(iter(batch.values())).shape[0]


def mean(each: Array, batch: Values) -> Array:
    """The mean over the examples, weighted where the batch brings weights.

    It is Σ wᵢ eachᵢ / n, not divided by the batch's own Σ wᵢ, which would bias the gradient.
    """
    return jnp.mean(each * batch[WEIGHT] if WEIGHT in batch else each)


def per_example(
    function: Callable[[Params, Values], Any],
) -> Callable[[Params, Values], Any]:
    """(params, values) → result, over the leading axis of the values."""
    return jax.vmap(function, in_axes=(None, 0))


def keyed(
    function: Callable[[Params, Array, Values], Any],
) -> Callable[[Params, Array, Values], Any]:
    """(params, key, values) → result, over the values' leading axis, a key for each example."""

    def run(params: Params, key: Array, batch: Values) -> Any:
        keys = jax.random.split(key, size(batch))
        return jax.vmap(function, in_axes=(None, 0, 0))(params, keys, batch)

    return run


def over(function: Callable[..., Any], in_axes: tuple[Literal[0] | None, ...], size: int) -> Any:
    """`jax.vmap`, but an axis of length 1 is put onto the results alone.

    Between the examples and a layer's units such an axis costs a copy of the units at each matrix
    product of the gradient: XLA on CPU transposes what it would otherwise read in place.
    """
    if size > 1:
        return jax.vmap(function, in_axes=in_axes)

    def once(*arguments: Any) -> Any:
        first = (
            argument if axis is None else jax.tree.map(lambda leaf: leaf[0], argument)
            for argument, axis in zip(arguments, in_axes, strict=True)
        )
        return jax.tree.map(lambda leaf: leaf[None], function(*first))

    return once


def strata(key: Array, n: int) -> Array:
    """The n places, each uniform on (0, 1], one in each of n equal strata.

    One uniform draw shifts the whole grid (systematic sampling), which leaves the mean of a loss
    over noise levels unbiased and takes most of its variance away.

    Source: Kingma et al. 2021, appendix I.1, arXiv 2107.00630.
    """
    start = jax.random.uniform(key)
    return 1.0 - (start + jnp.arange(n) / n) % 1.0


def along(weights: Array, array: Array) -> Array:
    """`weights` [n] with trailing axes of length 1, so that it multiplies an array [n, …]."""
    return weights.reshape(weights.shape + (1,) * (array.ndim - weights.ndim))

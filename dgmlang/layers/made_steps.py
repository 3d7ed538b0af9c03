"""MADE read entry by entry, for the price of one pass in all.

A unit of degree m sees the first m entries, and degrees ascend within a layer. So once m entries
are known, the units of degree m, and only those, become final: they are activated and add their
rows of weights to the pre-activations behind, which the state keeps. All weights are used once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.follow import Followed, Heads
from dgmlang.layers.layer import Params

if TYPE_CHECKING:
    from dgmlang.layers.made import Made


class Step(NamedTuple):
    """What one entry needs.

    Attributes:
        place: The entry's number.
        row: The weights from the entry to the first layer, [h].
        units: For each hidden layer the places of the units that become final, [m].
        rows: The weights from those to what comes behind, [m, h'], 0 for padding.
    """

    place: Array
    row: Array
    units: tuple[Array, ...]
    rows: tuple[Array, ...]


def follow(made: Made, params: Params, heads: Heads, condition: Array | None) -> Followed:
    """The layer and its heads as a walk; the state holds pre-activations, those of outputs last."""
    hidden = [(layer, params[str(i)]) for i, layer in enumerate(made.layers)]
    maps = [_affine(layer, own) for layer, own in hidden]
    outputs = [_affine(head, own) for head, own in heads]
    together = (jnp.concatenate(parts, axis=-1) for parts in zip(*outputs, strict=True))
    kernels, start = map(list, zip(*maps, tuple(together), strict=True))
    n = heads[0][0].target[0]
    ends = np.cumsum([bias.size for _, bias in outputs])[:-1]
    if condition is not None:
        start[0] = start[0] + jnp.ravel(condition) @ kernels[0][n:]
    found = [_final(degrees, n) for degrees in made.degrees[1:]]
    rows = (
        kernel[places] * used[..., None]
        for kernel, (places, used) in zip(kernels[1:], found, strict=True)
    )
    units = tuple(jnp.asarray(places) for places, _ in found)
    steps = Step(jnp.arange(n), kernels[0][:n], units, tuple(rows))

    def read(state: tuple[Array, ...], step: Step) -> tuple[Any, Any]:
        sums = list(state)
        for i, (places, rows) in enumerate(zip(step.units, step.rows, strict=True)):
            sums[i + 1] = sums[i + 1] + made.activation(sums[i][places]) @ rows
        rows = jnp.split(sums[-1], ends)
        return tuple(row.reshape(n, -1)[step.place] for row in rows), tuple(sums)

    def add(state: tuple[Array, ...], step: Step, entry: Array) -> tuple[Array, ...]:
        return (state[0] + entry * step.row, *state[1:])

    return Followed(tuple(start), steps, read, add)


def _affine(layer: Any, params: Params) -> tuple[Array, Array]:
    """The kernel with its mask, and the bias."""
    mask = jnp.asarray(layer.mask, params["kernel"].dtype)
    return params["kernel"] * mask, jnp.asarray(params["bias"])


def _final(degrees: NDArray[np.int_], n: int) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """For each m < n the units of degree m, and which of the places hold one: both [n, most]."""
    groups = [np.flatnonzero(degrees == m) for m in range(n)]
    most = max(len(group) for group in groups)
    places, used = np.zeros((n, most), int), np.zeros((n, most), np.float32)
    for m, group in enumerate(groups):
        places[m, : len(group)], used[m, : len(group)] = group, 1
    return places, used

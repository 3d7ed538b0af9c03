"""Long short-term memory.

i, f, o = σ(W x + U h + b), g = tanh(W_g x + U_g h + b_g), c' = f ∘ c + i ∘ g and h' = o ∘ tanh(c').
The forget gate's bias starts at 1, so that a cell keeps before it has learned what to drop.

Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (the forget gate); Jozefowicz et al. 2015,
sec. 4.2 (its bias).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.layer import Params, Site
from dgmlang.layers.recurrent import Recurrent, from_state
from dgmlang.registry import implements


@dataclass(frozen=True)
class LstmCell:
    """The state is (h, c); the gates stand in the order i, f, o, g."""

    gates: int = 4

    def start(self, blank: Array) -> tuple[Array, Array]:
        return blank, blank

    def turn(
        self, params: Params, state: tuple[Array, Array], entering: Array
    ) -> tuple[Array, Array]:
        h, cell = state
        return gated(entering + from_state(params, h), cell)

    def output(self, state: tuple[Array, Array]) -> Array:
        return state[0]

    def bias(self, units: int) -> NDArray[np.float32]:
        biases = np.zeros((self.gates, units), np.float32)
        biases[1] = 1
        return biases


def gated(sums: Array, cell: Array) -> tuple[Array, Array]:
    """The next (h, c) from the gates' sums, i, f, o, g along the first axis."""
    enter, forget, show = jax.nn.sigmoid(sums[:3])
    cell = forget * cell + enter * jnp.tanh(sums[3])
    return show * jnp.tanh(cell), cell


@implements("layer", "lstm")
def lstm(settings: Mapping[str, Any], site: Site) -> Recurrent:
    """`lstm(width, both_ways)` along the first axis of [T, n]."""
    length, n = site.shape
    return Recurrent(LstmCell(), length, n, settings["width"], settings["both_ways"])

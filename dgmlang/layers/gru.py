"""The gated recurrent unit.

r = σ(W_r x + U_r h + b_r), z = σ(W_z x + U_z h + b_z), n = tanh(W_n x + b_n + r ∘ (U_n h)) and
h' = (1 − z) ∘ n + z ∘ h: the reset gate acts behind the product, so that a turn needs one.

Source: Cho et al. 2014, eq. 5–8, arXiv:1406.1078, with the reset of cuDNN's variant.
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
class GruCell:
    """The state is h alone; the gates stand in the order r, z, n."""

    gates: int = 3

    def start(self, blank: Array) -> Array:
        return blank

    def turn(self, params: Params, state: Array, entering: Array) -> Array:
        recurrent = from_state(params, state)
        reset, update = jax.nn.sigmoid(entering[:2] + recurrent[:2])
        candidate = jnp.tanh(entering[2] + reset * recurrent[2])
        return (1 - update) * candidate + update * state

    def output(self, state: Array) -> Array:
        return state

    def bias(self, units: int) -> NDArray[np.float32]:
        return np.zeros((self.gates, units), np.float32)


@implements("layer", "gru")
def gru(settings: Mapping[str, Any], site: Site) -> Recurrent:
    """`gru(width, both_ways)` along the first axis of [T, n]."""
    length, n = site.shape
    return Recurrent(GruCell(), length, n, settings["width"], settings["both_ways"])

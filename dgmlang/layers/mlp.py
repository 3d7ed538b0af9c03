"""The multilayer perceptron, ending in its activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.dense import Dense
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implementation, implements


@dataclass(frozen=True)
class Mlp:
    """x ↦ a(… a(x W₀ + b₀) …), a condition being appended to x."""

    layers: tuple[Dense, ...]
    activation: Callable[[Array], Array]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {str(i): layer.init(rng) for i, layer in enumerate(self.layers)}

    def __call__(self, params: Params, x: Array, condition: Array | None = None) -> Array:
        x = beside(x, condition)
        for i, layer in enumerate(self.layers):
            x = self.activation(layer(params[str(i)], x))
        return x


@implements("layer", "mlp")
def mlp(settings: Mapping[str, Any], site: Site) -> Mlp:
    """`mlp(hidden, activation, condition, spectral)` on a vector."""
    widths = (site.size + condition_size(site), *settings["hidden"])
    bound = settings.get("spectral", 0.0)
    layers = tuple(Dense(n, units, bound) for n, units in pairwise(widths))
    activation = implementation("activation", settings["activation"])
    return Mlp(layers, activation, target=(widths[-1],))


def condition_size(site: Site) -> int:
    """How many numbers the condition adds to the input; 0 without one."""
    return int(np.prod(site.inputs["condition"])) if "condition" in site.inputs else 0


def beside(x: Array, condition: Array | None) -> Array:
    """The vector x with the condition's entries behind it."""
    return x if condition is None else jnp.concatenate([x, jnp.ravel(condition)])

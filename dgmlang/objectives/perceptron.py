"""A net that an objective builds where the program has none: an mlp and a dense head."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.stages import Mapped
from dgmlang.layers.layer import Layer, Site
from dgmlang.objectives.objective import Params
from dgmlang.registry import implementation

HIDDEN = (128, 128)
"""Its hidden layers."""


class Perceptron:
    """From a vector [inputs] to a vector [outputs], smooth."""

    def __init__(self, inputs: int, outputs: int, precision: str) -> None:
        settings = {"hidden": HIDDEN, "activation": "swish"}
        body: Layer = implementation("layer", "mlp")(settings, Site((inputs,)))
        head: Layer = implementation("layer", "dense")({"units": outputs}, Site(body.target))
        self._body = Mapped(body, 0, body.target, precision)
        self._head = Mapped(head, 0, head.target, precision)

    def init(self, key: Array) -> Params:
        """Its first parameters."""
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
        parts = {"mlp": self._body.init(rng), "head": self._head.init(rng)}
        return jax.tree.map(jnp.asarray, parts)

    def __call__(self, params: Params, x: Array) -> Array:
        """Its value at one vector."""
        return self._head(params["head"], self._body(params["mlp"], x))

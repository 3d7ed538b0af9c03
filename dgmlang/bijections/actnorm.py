"""Scale and shift of each channel, started so that data leave it with mean 0 and variance 1.

    y = x exp(s) + b,   log |det| = Σ s,   at first s = log std(y), b = mean(y) over examples

Batch normalisation does this at every step, and needs large batches; here it is done once, when
`fit` begins, and s and b are learned from then on. They are parameters like any other, so a run
that goes on, or one that is read again, finds them as they were left. A channel that does not vary
starts at s = 0.

Source: Kingma & Dhariwal 2018, Glow, sec. 3.1, arXiv:1807.03039.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.bijections.bijection import Builder
from dgmlang.bijections.entrywise import ShiftAndScale
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

LEAST = 1e-6
"""The standard deviation below which a channel counts as constant."""


@dataclass(frozen=True)
class ActNorm:
    """One scale, by its logarithm, and one shift a channel."""

    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return {name: np.zeros(self.target, np.float32) for name in ("log_scale", "shift")}

    def transform(self, params: Params) -> ShiftAndScale:
        return ShiftAndScale(jnp.asarray(params["shift"]), jnp.asarray(params["log_scale"]))

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Mean 0 and variance 1 for the examples ys [n, c]."""
        deviation = jnp.std(ys, axis=0)
        log_scale = jnp.log(jnp.where(deviation > LEAST, deviation, 1.0))
        settled = {"log_scale": log_scale, "shift": jnp.mean(ys, axis=0)}
        return settled, jax.vmap(self.transform(settled).pull)(ys)[0]


@implements("bijection", "actnorm")
def actnorm(settings: Mapping[str, Any], site: Site, build: Builder) -> ActNorm:
    """`actnorm` on the last axis."""
    return ActNorm(site.shape)

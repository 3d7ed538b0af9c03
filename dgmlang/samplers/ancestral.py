"""Ancestral sampling: each variable given those above it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implements
from dgmlang.samplers.sampler import AbstractDirect, Info


@implements("sampler", "ancestral")
@dataclass(frozen=True, eq=False)
class Ancestral(AbstractDirect):
    """Exact, independent draws of all latents and data in the order of their dependence.

    Autoregressive laws take one step an entry.
    """

    lowered: Lowered

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        draw = jax.vmap(self.lowered.draw, in_axes=(None, 0, 0 if given else None))
        return {**draw(params, keys, given), **given}, {}

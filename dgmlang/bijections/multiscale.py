"""Levels of a block on ever smaller pictures; half of the channels leave at each.

Towards the base, a level squeezes the picture, applies the block, and hands the first half of the
channels on to the next level; the second half is done. The last level keeps all. Each level has
parameters of its own. The halves that left stand beside those that went on, unsqueezed, so the base
has the picture's shape, and each level costs half of the one before.

Source: Dinh et al. 2017, RealNVP, sec. 3.6, arXiv:1605.08803; Kingma & Dhariwal 2018, sec. 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, Bijection, Builder, pull, push, settle
from dgmlang.bijections.squeeze import squeezed, squeezed_shape, unsqueezed
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements


class Levels(AbstractFlow):
    """The levels' blocks, the largest picture's first."""

    leaves = ("levels",)
    rank = 3

    def __init__(self, levels: Sequence[Transform[Any]]) -> None:
        self.levels = tuple(levels)

    def push(self, x: Array) -> tuple[Array, Array]:
        return _push(self.levels, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return _pull(self.levels, y)


def _push(levels: Sequence[Transform[Any]], x: Array) -> tuple[Array, Array]:
    x, below = squeezed(x), jnp.zeros((), jnp.result_type(x, float))
    if levels[1:]:
        on, done = jnp.split(x, 2, axis=-1)
        on, below = _push(levels[1:], on)
        x = jnp.concatenate([on, done], axis=-1)
    y, log_det = push(levels[0], x)
    return unsqueezed(y), log_det + below


def _pull(levels: Sequence[Transform[Any]], y: Array) -> tuple[Array, Array]:
    x, log_det = pull(levels[0], squeezed(y))
    if levels[1:]:
        on, done = jnp.split(x, 2, axis=-1)
        on, below = _pull(levels[1:], on)
        x, log_det = jnp.concatenate([on, done], axis=-1), log_det + below
    return unsqueezed(x), log_det


@dataclass(frozen=True, eq=False)
class Multiscale:
    """The block built for each level, with its parameters under the level's number."""

    levels: tuple[Bijection, ...]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        found = {str(i): level.init(rng) for i, level in enumerate(self.levels)}
        return {i: params for i, params in found.items() if params}

    def transform(self, params: Params, **inputs: Array) -> Levels:
        return Levels(
            [level.transform(params.get(str(i), {}), **inputs) for i, level in self._numbered]
        )

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Each level by what the one before hands on."""
        found, parts = dict(params), []
        for i, level in self._numbered:
            settled, xs = settle(level, params.get(str(i), {}), jax.vmap(squeezed)(ys), inputs)
            found |= {str(i): settled} if settled else {}
            ys, done = jnp.split(xs, 2, axis=-1) if i + 1 < len(self.levels) else (xs, None)
            parts.append(done)
        for done in reversed(parts):
            joined = ys if done is None else jnp.concatenate([ys, done], axis=-1)
            ys = jax.vmap(unsqueezed)(joined)
        return found, ys

    @property
    def _numbered(self) -> list[tuple[int, Bijection]]:
        return list(enumerate(self.levels))


@implements("bijection", "multiscale")
def multiscale(settings: Mapping[str, Any], site: Site, build: Builder) -> Multiscale:
    """`multiscale(levels) { body }` on a picture whose sides can be halved that often."""
    levels: list[Bijection] = []
    shape = site.shape
    for _ in range(settings["levels"]):
        shape = squeezed_shape(shape)
        levels.append(build.bijection(settings["body"], Site(shape, inputs=site.inputs)))
        shape = (*shape[:2], shape[2] // 2)
    return Multiscale(tuple(levels), site.shape)

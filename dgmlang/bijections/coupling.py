"""Couplings: some entries, through a net, set the transform of the others.

Source: Dinh et al. 2017, RealNVP, arXiv:1605.08803. One evaluation of the net each way; the net
sees the conditioning entries only, which both directions have at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, Builder, pull, push
from dgmlang.bijections.split import Split, split
from dgmlang.layers.layer import Layer, Params, Shape, Site
from dgmlang.registry import chosen, implements


class Entrywise(Protocol):
    """What `entrywise` makes: `parameters` numbers an entry set its transform."""

    @property
    def parameters(self) -> int:
        """How many numbers the net returns for each entry."""
        ...

    def __call__(self, raw: Array) -> Transform[Any]:
        """The transform of n entries at raw numbers [n, parameters]."""
        ...


def entrywise(held: Any) -> Entrywise:
    """The transform that a setting names: `affine`, or `spline(bins = 8)`."""
    transform, settings = chosen("transform", held)
    return transform(**settings)


class CouplingTransform(AbstractFlow):
    """The conditioning entries pass unchanged; the others go through `entrywise(net(…))`."""

    leaves = ("params", "condition", "inputs")

    def __init__(
        self,
        coupling: Coupling,
        params: Params,
        condition: Array | None,
        inputs: Mapping[str, Array],
    ) -> None:
        self.coupling, self.rank = coupling, len(coupling.target)
        self.params, self.condition, self.inputs = params, condition, dict(inputs)

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._pass(push, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._pass(pull, y)

    def _pass(
        self, step: Callable[[Transform[Any], Array], tuple[Array, Array]], value: Array
    ) -> tuple[Array, Array]:
        own = self.coupling
        kept, moved = own.split.apart(jnp.ravel(value))
        raw = own.net(self.params, own.split.shown(value, self.condition), **self.inputs)
        moved, log_det = step(own.entrywise(own.split.rows(raw)), moved)
        return own.split.together(kept, moved).reshape(own.target), log_det


@dataclass(frozen=True, eq=False)
class Coupling:
    """A coupling of one site; its parameters are those of its net."""

    target: Shape
    split: Split
    net: Layer
    entrywise: Entrywise

    def init(self, rng: np.random.Generator) -> Params:
        return self.net.init(rng)

    def transform(
        self, params: Params, condition: Array | None = None, **inputs: Array
    ) -> CouplingTransform:
        """`condition` is shown beside the entries; `inputs` are those of the net's own stages."""
        return CouplingTransform(self, params, condition, inputs)


@implements("bijection", "coupling")
def coupling(settings: Mapping[str, Any], site: Site, build: Builder) -> Coupling:
    """`coupling(net, transform, mask, condition)`; arrays are taken in raster order."""
    mask, own = chosen("mask", settings["mask"])
    # A single entry has no other to learn from: its transform is a constant (or the condition's).
    parts = split(mask(own, site.shape) if site.size > 1 else np.zeros(1, bool))
    transform = entrywise(settings["transform"])
    source = parts.source(site.inputs.get("condition"))
    net = build.net(settings["net"], source, parts.target(transform.parameters))
    return Coupling(site.shape, parts, net, transform)

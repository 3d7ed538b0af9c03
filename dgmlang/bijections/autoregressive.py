"""Autoregressive bijections: entry i goes through a transform that earlier entries set.

    maf   y_i = T(x_i; θ_i(y_1 … y_{i−1}))   the net reads the data: their density is one pass
    iaf   y_i = T(x_i; θ_i(x_1 … x_{i−1}))   the net reads the base: a draw is one pass

The other direction goes entry by entry: with `made`, whose sums are kept, it costs one pass in all
(and n short steps), with another net a pass an entry. The Jacobian is triangular, so its
log-determinant is the sum over the entries' own transforms, either way.

Take `maf` where densities are wanted of given data, `iaf` where draws matter and densities only of
those draws (guides, `distill`), `coupling` where both do.

Source: Papamakarios et al. 2017, eq. 3–5, arXiv:1705.07057; Kingma et al. 2016, arXiv:1606.04934.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions.transforms import Transform

from dgmlang.bijections.bijection import AbstractFlow, Builder, CausalNet, pull, push
from dgmlang.bijections.coupling import Entrywise, entrywise
from dgmlang.layers.follow import along
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

Pass = Callable[[Transform[Any], Array], tuple[Array, Array]]


class Autoregressive(AbstractFlow):
    """The bijection at the weights of its net and the net's run-time arguments."""

    leaves = ("params", "inputs")
    rank = 1

    def __init__(self, own: Causal, params: Params, inputs: Mapping[str, Array]) -> None:
        self.own, self.params, self.inputs = own, params, dict(inputs)

    def at_once(self, step: Pass, value: Array) -> tuple[Array, Array]:
        """The direction whose argument is what the net reads."""
        raw = self.own.net(self.params, value, **self.inputs)
        return step(self.own.entrywise(raw), value)

    def one_by_one(self, step: Pass, value: Array) -> tuple[Array, Array]:
        """The direction whose result is what the net reads."""
        wide = jnp.result_type(float, value, *jax.tree.leaves((self.params, self.inputs)))
        params, inputs = jax.tree.map(partial(_widened, wide), (self.params, self.inputs))

        def entry(raw: Array, value: Array) -> tuple[Array, Array]:
            found, log_det = step(self.own.entrywise(raw[None]), value[None])
            return found[0], log_det

        return along(self.own.net.follow(params, **inputs), entry, jnp.asarray(value, wide))


def _widened(wide: Any, leaf: Any) -> Array:
    """Floats in one precision, as the scan carries them; classes among the inputs as they are."""
    array = jnp.asarray(leaf)
    return array.astype(wide) if jnp.issubdtype(array.dtype, jnp.floating) else array


class Masked(Autoregressive):
    """`maf`."""

    def push(self, x: Array) -> tuple[Array, Array]:
        return self.one_by_one(push, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self.at_once(pull, y)


class Inverse(Autoregressive):
    """`iaf`."""

    def push(self, x: Array) -> tuple[Array, Array]:
        return self.at_once(push, x)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self.one_by_one(pull, y)


@dataclass(frozen=True, eq=False)
class Causal:
    """An autoregressive bijection of a vector; its parameters are those of its net."""

    target: Shape
    net: CausalNet
    entrywise: Entrywise
    kind: type[Autoregressive]

    def init(self, rng: np.random.Generator) -> Params:
        return self.net.init(rng)

    def transform(self, params: Params, **inputs: Array) -> Autoregressive:
        return self.kind(self, params, inputs)


def _built(
    kind: type[Autoregressive], settings: Mapping[str, Any], site: Site, build: Builder
) -> Causal:
    transform = entrywise(settings["transform"])
    net = build.causal(settings["net"], site.size, transform.parameters)
    return Causal(site.shape, net, transform, kind)


@implements("bijection", "maf")
def maf(settings: Mapping[str, Any], site: Site, build: Builder) -> Causal:
    """`maf(net, transform)` on a vector."""
    return _built(Masked, settings, site, build)


@implements("bijection", "iaf")
def iaf(settings: Mapping[str, Any], site: Site, build: Builder) -> Causal:
    """`iaf(net, transform)` on a vector."""
    return _built(Inverse, settings, site, build)

"""Stages become layers and bijections; a layer is mapped over the axes in front of its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions.transforms import ComposeTransform, Transform

from dgmlang.bijections.along import Along
from dgmlang.bijections.bijection import Bijection, settle
from dgmlang.compiler.library import Extern
from dgmlang.compiler.lower.fields import DECLARED, CausalConditioner, Conditioner, OfChain, OfNet
from dgmlang.compiler.program import Chain, Expr, NetUse, Stage
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.dims import numbers as sizes
from dgmlang.compiler.types.kinds import Type
from dgmlang.layers.follow import AtZero, Followable, Followed, by_passes
from dgmlang.layers.layer import CausalLayer, Layer, Params, Shape, Site
from dgmlang.registry import implementation
from dgmlang.solvers.solving import Solving


@dataclass(frozen=True, eq=False)
class Mapped:
    """A layer mapped over `axes` leading axes; all entries share its parameters and inputs.

    In `bfloat16`, a layer with parameters gets those and its inputs rounded, and its result goes
    back to the precision around it. One without has nothing to gain, and much to lose where it
    holds frequencies or angles.
    """

    layer: Layer
    axes: int
    target: Shape
    precision: str = "float32"

    def init(self, rng: np.random.Generator) -> Params:
        return self.layer.init(rng)

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        if self.precision == "float32" or not params:
            return self._map(params, x, inputs)
        rounded = jax.tree.map(partial(_cast, dtype=jnp.dtype(self.precision)), (params, x, inputs))
        return _cast(self._map(*rounded), jnp.result_type(float))

    def _map(self, params: Params, x: Array, inputs: Mapping[str, Array]) -> Array:
        def one(entry: Array) -> Array:
            return self.layer(params, entry, **inputs)

        mapped: Callable[[Array], Array] = one
        for _ in range(self.axes):
            mapped = jax.vmap(mapped)
        return mapped(x)


@dataclass(frozen=True, eq=False)
class Sequence:
    """Layers one after the other, their parameters under the names of their places."""

    parts: Mapping[str, Layer]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return without_empty({place: part.init(rng) for place, part in self.parts.items()})

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        for place, part in self.parts.items():
            x = part(params.get(place, {}), x, **_below(place, inputs))
        return x


@dataclass(frozen=True, eq=False)
class Composed:
    """Bijections one after the other, from base to data.

    Run-time arguments come under the name of their stage's place: `coupling/condition`.
    """

    parts: Mapping[str, Bijection]
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        return without_empty({place: part.init(rng) for place, part in self.parts.items()})

    def transform(self, params: Params, **inputs: Array) -> Transform[Any]:
        """The composition at these parameters."""
        return ComposeTransform(
            [
                part.transform(params.get(place, {}), **_below(place, inputs))
                for place, part in self.parts.items()
            ]
        )

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Each part by what the parts behind it let through, the last one first."""
        found = dict(params)
        for place in reversed(tuple(self.parts)):
            own = params.get(place, {}), ys, _below(place, inputs)
            found[place], ys = settle(self.parts[place], *own)
        return without_empty(found), ys


@dataclass(frozen=True, eq=False)
class ZeroHead:
    """A dense map to `target` that starts at zero, so that what it feeds starts at its rest.

    Where the target begins with the axes of `source` but its last, the map acts at each of their
    places, so that a picture's net answers with a picture; otherwise on all entries together.
    """

    source: Shape
    target: Shape

    @property
    def prefix(self) -> int:
        """How many leading axes the map keeps."""
        places = self.source[:-1]
        return len(places) if self.target[: len(places)] == places else 0

    def init(self, rng: np.random.Generator) -> Params:
        n, m = (int(np.prod(shape[self.prefix :])) for shape in (self.source, self.target))
        return {"kernel": np.zeros((n, m), np.float32), "bias": np.zeros(m, np.float32)}

    def __call__(self, params: Params, x: Array, **inputs: Array) -> Array:
        rows = x.reshape(int(np.prod(x.shape[: self.prefix])), -1)
        return (rows @ params["kernel"] + params["bias"][None]).reshape(self.target)


@dataclass(frozen=True, eq=False)
class CausalSequence(Sequence):
    """Causal layers and a head with one row an entry of a vector."""

    parts: Mapping[str, Mapped]

    def follow(self, params: Params, **inputs: Array) -> Followed:
        """The net read entry by entry: as its one layer does it, or by passes."""
        (place, first), *others = self.parts.items()
        head = others[-1][1]
        own = followable(first)
        if own is not None and len(others) == 1 and isinstance(head.layer, AtZero):
            heads = [(head.layer.layer, params["head"])]
            walk = own.follow(params.get(place, {}), heads, **_below(place, inputs))
            return walk._replace(read=lambda state, step: _alone(*walk.read(state, step)))
        dtype = jnp.result_type(float, *jax.tree.leaves((params, inputs)))
        blank = jnp.zeros(self.target[:1], dtype)
        return by_passes(lambda x: self(params, x, **inputs), blank)


def _alone(outputs: tuple[Array], state: Any) -> tuple[Array, Any]:
    return outputs[0], state


def followable(mapped: Mapped) -> Followable | None:
    """The layer, where entry by entry it yields what it would at once: a rounded one does not."""
    exact = mapped.precision != "bfloat16" and not mapped.axes
    return mapped.layer if exact and isinstance(mapped.layer, Followable) else None


@dataclass(frozen=True)
class Builder:
    """Builds the chains that stages take as arguments, for the sizes that those feed in."""

    precision: str = "float32"

    def net(self, chain: Chain | NetUse, source: Shape, target: Shape) -> Layer:
        """A chain, or a declared net, with a dense head that starts at zero."""
        if isinstance(chain, NetUse):
            features = numbers(chain.value.type.array_shape)
            return Conditioner(chain, Mapped(ZeroHead(features, target), 0, target, self.precision))
        parts, shape = self._layers(chain, source)
        head = Mapped(ZeroHead(shape, target), 0, target, self.precision)
        return Sequence({**parts, "head": head}, target)

    def causal(
        self, chain: Chain | NetUse, n: int, numbers: int
    ) -> CausalSequence | CausalConditioner:
        """A chain, or a declared net, as [n] → [n, numbers], with a head that starts at zero."""
        if isinstance(chain, NetUse):
            width = int(np.prod(sizes(chain.value.type.array_shape[1:])))
            head = ZeroHead((n, width), (n, numbers))
            return CausalConditioner(Mapped(head, 0, (n, numbers), self.precision), n)
        parts, shape = self._layers(chain, (n,))
        target = n, numbers
        head: Layer = ZeroHead(shape, target)
        if chain.stages[-1].extern.has("masked_head"):
            last = cast(CausalLayer, parts[chain.stages[-1].place].layer)
            head = AtZero(last.head(target))
        return CausalSequence({**parts, "head": Mapped(head, 0, target, self.precision)}, target)

    def field(self, held: Chain | NetUse, shape: Shape, condition: Shape | None) -> OfChain | OfNet:
        """A vector field of arrays of this shape."""
        if isinstance(held, NetUse):
            return OfNet()
        size = int(np.prod(shape))
        given = 0 if condition is None else int(np.prod(condition))
        return OfChain(self.net(held, (size + 1 + given,), (size,)))

    def _layers(self, chain: Chain, shape: Shape) -> tuple[dict[str, Mapped], Shape]:
        """The layers of a chain by their places, and the shape of what the last one returns."""
        parts: dict[str, Mapped] = {}
        for stage in chain.stages:
            parts[stage.place] = layer(stage, shape, self.precision)
            shape = parts[stage.place].target
        return parts, shape

    def block(self, chain: Chain, source: Shape) -> Sequence:
        """The chain of layers as one."""
        return Sequence(*self._layers(chain, source))

    def bijection(self, chain: Chain, site: Site) -> Composed:
        """The chain as one bijection of the site."""
        parts: dict[str, Bijection] = {}
        shape = site.shape
        for stage in chain.stages:
            parts[stage.place] = bijection(stage, shape, self.precision)
            shape = parts[stage.place].target
        return Composed(parts, shape)


def layer(stage: Stage, shape: Shape | None = None, precision: str = "float32") -> Mapped:
    """The layer of a stage, for an input of this shape (as checked where it is not given)."""
    shape = numbers(stage.source.array_shape) if shape is None else shape
    axes = len(shape) - unit_rank(stage.extern, len(shape))
    site = Site(shape[axes:], _levels(stage.source), _input_shapes(stage.inputs))
    build = implementation("layer", stage.extern.name)
    own = (Builder(precision),) if stage.body else ()
    built = build(_settings(stage), site, *own)
    return Mapped(built, axes, shape[:axes] + built.target, precision)


def bijection(stage: Stage, shape: Shape | None = None, precision: str = "float32") -> Bijection:
    """The bijection of a stage, mapped over the axes in front of what one call takes.

    `precision` is that of the nets in it; the map itself and its log-determinant keep theirs.
    """
    shape = numbers(stage.source.array_shape) if shape is None else shape
    axes = len(shape) - unit_rank(stage.extern, len(shape))
    site = Site(shape[axes:], None, _input_shapes(stage.inputs))
    built = implementation("bijection", stage.extern.name)(
        _settings(stage), site, Builder(precision)
    )
    return Along(built, shape) if axes else built


def unit_rank(extern: Extern, rank: int) -> int:
    """How many trailing axes one call of the extern takes: `real[n]` one, `any[...]` all."""
    if extern.source is None:
        return rank
    axes = extern.source.shape or ()
    return rank if any(isinstance(a, ast.Name) and a.id == "..." for a in axes) else len(axes)


def without_empty(tree: Params) -> Params:
    """The tree without the stages that have no parameters."""
    return {name: branch for name, branch in tree.items() if branch}


def run_time(
    stage: Stage, value: Callable[[Expr], Any], net: Callable[[NetUse], Any], solving: Solving
) -> dict[str, Any]:
    """The stage's run-time arguments, and under their places those of its block's and its net's.

    Args:
        stage: The stage.
        value: The value of an expression.
        net: A net that the program declares, as a function of arrays.
        solving: How differential equations are solved.
    """
    found: dict[str, Any] = {n: jnp.asarray(value(expr)) for n, expr in stage.inputs.items()}
    held = (stage.body, *stage.settings.values())
    uses = [use for use in held if isinstance(use, NetUse)]
    if uses:
        found[DECLARED] = net(uses[0])
    if stage.extern.has("vector_field"):
        found["solving"] = solving
    for inner in (s for chain in held if isinstance(chain, Chain) for s in chain.stages):
        below = run_time(inner, value, net, solving)
        found |= {f"{inner.place}/{name}": given for name, given in below.items()}
    return found


def _cast(x: Array, dtype: jnp.dtype) -> Array:
    """Floats in another precision; all else as it is."""
    x = jnp.asarray(x)
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x


def _below(place: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{place}/"
    return {n.removeprefix(start): v for n, v in inputs.items() if n.startswith(start)}


def _settings(stage: Stage) -> dict[str, Any]:
    body = {} if stage.body is None else {"body": stage.body}
    return {**stage.settings, **body}


def _levels(source: Type) -> int | None:
    """The classes of the input, "absent" the last of them where it may be absent."""
    levels = None if source.kind.levels is None else source.kind.levels.value
    return levels if levels is None else levels + source.may_miss


def _input_shapes(inputs: Mapping[str, Expr]) -> dict[str, Shape]:
    return {name: numbers(expr.type.array_shape) for name, expr in inputs.items()}


__all__ = ["Builder", "Composed", "Mapped", "Sequence", "bijection", "layer", "unit_rank"]

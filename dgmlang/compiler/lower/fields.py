"""What flows take of nets: vector fields, of a chain or declared, and declared conditioners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from dgmlang.compiler.program import NetUse
from dgmlang.compiler.types.dims import numbers
from dgmlang.layers.follow import Followed, by_passes
from dgmlang.layers.layer import Layer, Params, Shape
from dgmlang.layers.mlp import beside

if TYPE_CHECKING:  # a net's body is evaluated, and evaluating may need a flow
    from dgmlang.compiler.lower.built import Built
    from dgmlang.compiler.lower.evaluate import Evaluation

DECLARED = "declared"
"""The run-time argument through which a stage gets the net that it names.

All stages that name a net share its weights, so they are no parameters of the stage.
"""


@dataclass(frozen=True, eq=False)
class DeclaredNet:
    """A net of the program as a function of all weights, the params' values and its arguments."""

    built: Built
    use: NetUse

    def __call__(self, params: Params, values: Mapping[str, Any], *args: Array) -> Array:
        from dgmlang.compiler.lower.evaluate import Evaluation

        local = dict(zip(self.use.ports, args, strict=True))
        inside = Evaluation(self.built, params, dict(values), local)
        return jnp.asarray(inside.value(self.use.value))


def declared(inside: Evaluation, use: NetUse) -> Partial:
    """A net that the program declares, as a function of arrays that holds its weights."""
    params = (v.name for v in inside.built.program.having("param", "shared"))
    values = {name: inside.values[name] for name in params if name in inside.values}
    return Partial(DeclaredNet(inside.built, use), inside.params, values)


@dataclass(frozen=True, eq=False)
class OfNet:
    """A declared net, v(x, t) or v(x, t, c)."""

    def init(self, rng: np.random.Generator) -> Params:
        return {}

    def __call__(
        self, params: Params, x: Array, t: Array, condition: Array | None = None, **inputs: Any
    ) -> Array:
        return inputs[DECLARED](x, t, *(() if condition is None else (condition,)))


@dataclass(frozen=True, eq=False)
class Conditioner:
    """A declared net, f(x) or f(x, c), under a head that is the stage's own.

    What is shown has the condition behind the last axis of x, as for a chain of layers: in a
    picture at every place, where it has not the picture's sides.
    """

    use: NetUse
    head: Layer

    @property
    def target(self) -> Shape:
        """The shape of what it returns."""
        return self.head.target

    def init(self, rng: np.random.Generator) -> Params:
        return {"head": self.head.init(rng)}

    def __call__(self, params: Params, x: Array, **inputs: Any) -> Array:
        kept, *given = (
            numbers(port.type.array_shape) for port in self.use.value.call.args.values()
        )
        shown = [x[..., : kept[-1]]]
        for shape in given:
            rest = x[..., kept[-1] :]
            everywhere = rest.size != np.prod(shape)
            shown.append((rest[0, 0] if everywhere else rest).reshape(shape))
        return self.head(params["head"], inputs[DECLARED](*shown))


@dataclass(frozen=True, eq=False)
class CausalConditioner:
    """A declared net with a row for each of n entries, under a head that maps row by row.

    Entry by entry it costs a pass each: what it keeps of earlier ones is not looked for.
    """

    head: Layer
    n: int

    @property
    def target(self) -> Shape:
        """The shape of what it returns."""
        return self.head.target

    def init(self, rng: np.random.Generator) -> Params:
        return {"head": self.head.init(rng)}

    def __call__(
        self, params: Params, x: Array, condition: Array | None = None, **inputs: Any
    ) -> Array:
        rows = inputs[DECLARED](x, *(() if condition is None else (condition,)))
        return self.head(params["head"], rows.reshape(self.n, -1))

    def follow(self, params: Params, **inputs: Any) -> Followed:
        """The net read entry by entry."""
        dtype = jnp.result_type(float, *jax.tree.leaves((params, inputs)))
        return by_passes(lambda x: self(params, x, **inputs), jnp.zeros(self.n, dtype))


@dataclass(frozen=True, eq=False)
class OfChain:
    """Layers that see the entries, the time and the condition side by side."""

    net: Layer

    def init(self, rng: np.random.Generator) -> Params:
        return self.net.init(rng)

    def __call__(
        self, params: Params, x: Array, t: Array, condition: Array | None = None, **inputs: Any
    ) -> Array:
        shown = beside(jnp.append(x.reshape(-1), t.astype(x.dtype)), condition)
        return self.net(params, shown, **inputs).reshape(x.shape)

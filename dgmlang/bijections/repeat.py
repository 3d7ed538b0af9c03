"""n copies of a block, each with parameters of its own, run by one scan.

Unrolled, the time to compile grows with n; a scan over stacked parameters compiles the block once.
But a scan writes all that its gradient wants of every copy to memory, where unrolled code fuses. So
what costs a multiplication or less is not kept and made again: a step of `maf` or `realnvp` takes a
fifth less time, and less memory. Products, convolutions and transcendental functions are kept.

What is kept still starts as zeros, which XLA writes and copies. So a few copies of a block on
vectors are unrolled (`SHALLOW`): a step of `maf` with 5 takes an eighth less time and half a second
more to compile, with 20 a twentieth less and 5 seconds more. Blocks on pictures gain little
(`glow`), or lose half of their speed (`mintnet`), and compile three times as long.
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

from dgmlang.bijections.bijection import AbstractFlow, Bijection, Builder, pull, push, settle
from dgmlang.layers.layer import Params, Shape, Site
from dgmlang.registry import implements

SHALLOW = 5
"""The most copies of a block on vectors that are unrolled."""

Step = Callable[[Transform[Any], Array], tuple[Array, Array]]

_ARITHMETIC = ["abs", "add", "add_any", "div", "integer_pow", "mul", "neg", "sign", "square", "sub"]
_LOGIC = ["and", "eq", "ge", "gt", "is_finite", "le", "lt", "max", "min", "ne", "not", "or"]
_MOVES = ["broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dynamic_slice"]
_MOVES += ["expand_dims", "iota", "pad", "reshape", "rev", "select_n", "slice", "squeeze"]

MADE_AGAIN = frozenset([*_ARITHMETIC, *_LOGIC, *_MOVES, "transpose"])
"""JAX's primitives whose results a gradient computes a second time rather than reads."""


def _kept(primitive: Any, *_: Any, **__: Any) -> bool:
    return primitive.name not in MADE_AGAIN


class Scanned(AbstractFlow):
    """`body` at each row of `params` in turn; every copy sees the same inputs."""

    leaves = ("params", "inputs")

    def __init__(
        self, body: Bijection, n: int, rank: int, params: Params, inputs: Mapping[str, Array]
    ) -> None:
        self.body, self.n, self.rank = body, n, rank
        self.params, self.inputs = params, dict(inputs)

    def push(self, x: Array) -> tuple[Array, Array]:
        return self._scan(push, x, reverse=False)

    def pull(self, y: Array) -> tuple[Array, Array]:
        return self._scan(pull, y, reverse=True)

    def _scan(self, step: Step, value: Array, *, reverse: bool) -> tuple[Array, Array]:
        @partial(jax.checkpoint, policy=_kept, prevent_cse=False)
        def copy(carry: tuple[Array, Array], params: Params) -> tuple[tuple[Array, Array], None]:
            value, log_det = step(self.body.transform(params, **self.inputs), carry[0])
            return (value, carry[1] + log_det), None

        dtype = _widest(value, self.params, self.inputs)
        start = (jnp.asarray(value, dtype), jnp.zeros((), dtype))
        unroll = self.rank == 1 and self.n <= SHALLOW
        return jax.lax.scan(
            copy, start, self.params, length=self.n, reverse=reverse, unroll=unroll
        )[0]


def _widest(*trees: Any) -> Any:
    """The type of a scan's carry, that of its result, whichever of its parts is the widest."""
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(trees)]
    numbers = [leaf for leaf in leaves if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)]
    return jnp.result_type(float, *numbers)


@dataclass(frozen=True)
class Repeat:
    """The block, its parameters stacked on a leading axis of length n."""

    body: Bijection
    n: int
    target: Shape

    def init(self, rng: np.random.Generator) -> Params:
        copies = [self.body.init(rng) for _ in range(max(self.n, 1))]
        return jax.tree.map(lambda *leaves: np.stack(leaves)[: self.n], *copies)

    def transform(self, params: Params, **inputs: Array) -> Scanned:
        return Scanned(self.body, self.n, len(self.target), params, inputs)

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """Each copy by what the copies behind it let through, the last one first."""

        def copy(ys: Array, params: Params) -> tuple[Array, Params]:
            settled, xs = settle(self.body, params, ys, inputs)
            return xs, settled

        start = jnp.asarray(ys, _widest(ys, params, inputs))
        xs, settled = jax.lax.scan(copy, start, params, length=self.n, reverse=True)
        return settled, xs


@implements("bijection", "repeat")
def repeat(settings: Mapping[str, Any], site: Site, build: Builder) -> Repeat:
    """`repeat(n) { body }`; `settings["body"]` is the block, and its inputs are passed on to it."""
    return Repeat(build.bijection(settings["body"], site), settings["n"], site.shape)

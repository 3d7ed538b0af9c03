"""What a bijection is: a NumPyro transform of one site that has parameters, from base to data.

A density needs the inverse and the log-determinant, a draw the forward direction; both fall out of
one pass where the two come together. So transforms here offer `push` and `pull`, and NumPyro's
methods are written once, in terms of those.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.distributions import constraints
from numpyro.distributions.transforms import ComposeTransform, Transform

from dgmlang.layers.follow import Followed
from dgmlang.layers.layer import Layer, Params, Shape, Site


class Bijection(Protocol):
    """`implementation("bijection", name)(settings, site, build)` builds one."""

    @property
    def target(self) -> Shape:
        """The shape of what it returns."""
        ...

    def init(self, rng: np.random.Generator) -> Params:
        """Initial parameters, near the identity."""
        ...

    def transform(self, params: Params, **inputs: Array) -> Transform:
        """The transform from base to data at these parameters and run-time arguments."""
        ...


@runtime_checkable
class FromData(Protocol):
    """A bijection that starts from data, or that holds one which does."""

    def settle(
        self, params: Params, ys: Array, inputs: Mapping[str, Array]
    ) -> tuple[Params, Array]:
        """(parameters set by the data ys [n, …], what those are on the side of the base)."""
        ...


class CausalNet(Layer, Protocol):
    """A net whose output [n, numbers] for an entry depends on the entries before it alone."""

    def follow(self, params: Params, **inputs: Array) -> Followed:
        """The net read entry by entry."""
        ...


class VectorField(Protocol):
    """A function of a point and a time that gives a direction."""

    def init(self, rng: np.random.Generator) -> Params:
        """The weights that are its own; none where it is a net that the program declares."""
        ...

    def __call__(
        self, params: Params, x: Array, t: Array, condition: Array | None = None, **inputs: Any
    ) -> Array:
        """The direction at x, of its shape."""
        ...


class Builder(Protocol):
    """Builds what a bijection takes as an argument; the lowering provides it.

    A chain is the compiler's `Chain`; bijections hand it on and never look inside.
    """

    def net(self, chain: Any, source: Shape, target: Shape) -> Layer:
        """The chain as a net from `source` to `target`, with a dense head that starts at zero."""
        ...

    def causal(self, chain: Any, n: int, numbers: int) -> CausalNet:
        """The chain as a causal net from [n] to [n, numbers], with a head that starts at zero."""
        ...

    def field(self, held: Any, shape: Shape, condition: Shape | None) -> VectorField:
        """A chain, which starts at zero, or a declared net, as a field of arrays of this shape."""
        ...

    def bijection(self, chain: Any, site: Site) -> Bijection:
        """The chain as one bijection of `site`. Inputs of its stages come as keywords."""
        ...


class AbstractFlow(Transform[Any]):
    """A transform of one event of `rank` axes, each way with its log-determinant.

    Leading axes are mapped over, as NumPyro expects. Log-determinants are those of the forward
    direction, log |det ∂y/∂x|, one number an event.
    """

    leaves: ClassVar[tuple[str, ...]] = ()
    """The attributes that hold arrays; all others are static."""

    rank: int

    @abstractmethod
    def push(self, x: Array) -> tuple[Array, Array]:
        """(y, log |det ∂y/∂x|) of one event x."""

    @abstractmethod
    def pull(self, y: Array) -> tuple[Array, Array]:
        """(x, log |det ∂y/∂x|) of one event y."""

    @property
    def domain(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, self.rank)

    @property
    def codomain(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, self.rank)

    def __call__(self, x: Array) -> Array:
        return self._mapped(self.push, x)[0]

    def _inverse(self, y: Array) -> Array:
        return self._mapped(self.pull, y)[0]

    def call_with_intermediates(self, x: Array) -> tuple[Array, Array]:
        return self._mapped(self.push, x)

    def log_abs_det_jacobian(self, x: Array, y: Array, intermediates: Any = None) -> Array:
        return self._mapped(self.push, x)[1] if intermediates is None else intermediates

    def tree_flatten(self) -> Any:
        static = {k: v for k, v in vars(self).items() if k not in self.leaves and k != "_inv"}
        return tuple(getattr(self, name) for name in self.leaves), (self.leaves, static)

    def _mapped(
        self, one: Callable[[Array], tuple[Array, Array]], values: Array
    ) -> tuple[Array, Array]:
        for _ in range(jnp.ndim(values) - self.rank):
            one = jax.vmap(one)
        return one(values)


def push(transform: Transform[Any], x: Array) -> tuple[Array, Array]:
    """(y, log |det ∂y/∂x|) of one example x, the log-determinant a number."""
    if isinstance(transform, AbstractFlow):
        return transform.push(x)
    if isinstance(transform, ComposeTransform):
        return _through(transform.parts, push, x)
    y, intermediates = transform.call_with_intermediates(x)
    return jnp.asarray(y), jnp.sum(transform.log_abs_det_jacobian(x, y, intermediates))


def pull(transform: Transform[Any], y: Array) -> tuple[Array, Array]:
    """(x, log |det ∂y/∂x|) of one example y; one pass through each stage."""
    if isinstance(transform, AbstractFlow):
        return transform.pull(y)
    if isinstance(transform, ComposeTransform):
        return _through(transform.parts[::-1], pull, y)
    x = jnp.asarray(transform.inv(y))
    return x, jnp.sum(transform.log_abs_det_jacobian(x, y))


def settle(
    bijection: Bijection, params: Params, ys: Array, inputs: Mapping[str, Array]
) -> tuple[Params, Array]:
    """First parameters by what arrives from the data's side, and what goes on towards the base.

    Args:
        bijection: One that starts from data, or any other, which leaves its parameters alone.
        params: Its first parameters so far.
        ys: Examples on the side of the data, [n, …].
        inputs: Its run-time arguments, [n, …] each.
    """
    if isinstance(bijection, FromData):
        return bijection.settle(params, ys, inputs)

    def back(y: Array, given: Mapping[str, Array]) -> Array:
        return pull(bijection.transform(params, **given), y)[0]

    return params, jax.vmap(back)(ys, dict(inputs))


def _through(
    parts: Any, step: Callable[[Transform[Any], Array], tuple[Array, Array]], value: Array
) -> tuple[Array, Array]:
    total = jnp.zeros((), jnp.result_type(value))
    for part in parts:
        value, log_det = step(part, value)
        total = total + log_det
    return value, total

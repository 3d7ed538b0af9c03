"""Laws that a condition chooses between: the density and the draws of the one that is chosen.

Both are computed, since under `vmap` each example chooses for itself. What is not chosen must not
reach a gradient: 0 × ∞ is NaN. So where a branch is not chosen, it sees a plain value of each
variable that it reads, and of the variable whose law it is, under which its own density and what it
is made of are finite.

Source: the "double where" of JAX's FAQ, "Gradients contain NaN where using where".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro import distributions as dist

from dgmlang.compiler.lower.domains import plain
from dgmlang.compiler.program import Call, Chosen, Expr, Index, Law, Outside, Read, Through
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.compiler.walk import arguments, children, reads, walk

if TYPE_CHECKING:
    from dgmlang.compiler.lower.evaluate import Evaluation


class Either(dist.Distribution):
    """One of two laws of the same batch and event, by bits over the first axes of the batch."""

    def __init__(
        self, test: Array, then: dist.Distribution, otherwise: dist.Distribution, kind: Kind
    ) -> None:
        self.test, self.then, self.otherwise, self.kind = test, then, otherwise, kind
        super().__init__(then.batch_shape, then.event_shape, validate_args=False)

    @property
    def support(self) -> Any:
        return self.then.support

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        one, two = jax.random.split(key)
        drawn = self.then.sample(one, sample_shape), self.otherwise.sample(two, sample_shape)
        behind = jnp.ndim(drawn[0]) - len(sample_shape)
        return jnp.where(_behind(self.test, behind), *drawn)

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        value = jnp.asarray(value)
        inside = self.then.log_prob(guarded(value, self.test, self.kind))
        other = self.otherwise.log_prob(guarded(value, ~self.test, self.kind))
        found = jnp.asarray(inside)
        return jnp.where(_behind(self.test, found.ndim), found, jnp.asarray(other))


def either(
    law: Chosen, inside: Evaluation, apart: Callable[[Law, Evaluation], dist.Distribution]
) -> Either:
    """The law, as independent laws of as many of its first axes as both branches have.

    `apart` is the same of a branch.
    """
    test, places = branches(law, inside)
    pair = [apart(branch, place) for branch, place, _ in places]
    rank = min(len(found.batch_shape) for found in pair)
    then, otherwise = (found.to_event(len(found.batch_shape) - rank) for found in pair)
    return Either(test, then, otherwise, law.type.kind)


def branches(
    law: Chosen, inside: Evaluation
) -> tuple[Array, tuple[tuple[Law, Evaluation, Array], ...]]:
    """The condition, and each branch with its place and where it is chosen."""
    test = jnp.asarray(inside.value(law.test), bool)
    common = _common(law, inside)
    pairs = ((law.then, test), (law.otherwise, ~test))
    return test, tuple((b, _where(b, chosen, inside, common), chosen) for b, chosen in pairs)


def made_of(law: Law, inside: Evaluation) -> Iterator[Array]:
    """The values that a law is made of, where it is chosen; 0 elsewhere."""
    if not isinstance(law, Chosen):
        yield from (jnp.asarray(inside.value(e)) for e in arguments(law))
        return
    test, places = branches(law, inside)
    yield test
    for branch, place, chosen in places:
        for value in made_of(branch, place):
            own = value.shape[: chosen.ndim] == chosen.shape
            yield jnp.where(_behind(chosen, value.ndim), value, 0) if own else value


def guarded(value: Array, chosen: Array, kind: Kind) -> Array:
    """The value where it counts, else a plain one of its kind; `chosen` has its first axes."""
    own = jnp.ndim(value) - chosen.ndim
    if own < 0 or value.shape[: chosen.ndim] != chosen.shape:
        return value
    return jnp.where(_behind(chosen, value.ndim), value, _plain(kind, value))


def _plain(kind: Kind, like: Array) -> Array:
    """A value at which functions are finite with their slopes: no zero, no end of an interval."""
    within = {"real": 0.5, "count": 1}.get(kind.name)
    if within is not None:
        return jnp.full(like.shape, within, like.dtype)
    inner = len(numbers(kind.inner))
    return plain(kind, like.shape).astype(like.dtype) if inner == 0 else like


def _behind(test: Array, rank: int) -> Array:
    """The bits with axes of length 1 behind, up to a rank."""
    return test.reshape(*test.shape, *(1,) * (rank - test.ndim))


def _common(law: Chosen, inside: Evaluation) -> Set[int]:
    """The nodes that both branches are made of, which are computed once."""
    one, two = ({id(n) for n in walk(*arguments(b))} for b in (law.then, law.otherwise))
    common = one & two
    todo = list(arguments(law.then))
    while todo:
        node = todo.pop()
        if id(node) not in common:
            todo.extend(children(node))
        elif not isinstance(node, Read):
            inside.value(node)
    return common


def _where(branch: Law, chosen: Array, inside: Evaluation, common: Set[int]) -> Evaluation:
    """The place of a branch: values as they are where it is chosen, plain ones elsewhere.

    What a net has made of values is not computed again.
    """
    variables, nodes = inside.built.program.variables, list(walk(*arguments(branch)))
    values = {
        name: guarded(jnp.asarray(inside.values[name]), chosen, variables[name].type.kind)
        for name in reads(*arguments(branch))
        if name in inside.values and variables[name].of_examples
    }
    heads = {
        id(node): (guarded(array, chosen, node.value.type.kind), taken)
        for node in nodes
        if isinstance(node, Index) and id(node) in inside.heads
        for array, taken in [inside.heads[id(node)]]
    }
    again = {id(node) for node in nodes if id(node) not in common and _cheap(node)}
    return inside.beside(values, heads, again)


def _cheap(node: Expr) -> bool:
    return not any(isinstance(below, Call | Through | Outside) for below in walk(node))

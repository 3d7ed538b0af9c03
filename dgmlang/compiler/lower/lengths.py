"""Sequences of varying length: how their ends are stored, and which of their places count.

An array has a place for each turn up to the greatest length. Behind the end stand marks: class V
in `cat(V)[<= T]`, −2 in other integers, ∞ in floats. No mark is ever read: who reads a variable
finds a plain value of its kind there, and what that would add is left out before sums are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import INTEGERS, plain
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind

if TYPE_CHECKING:
    from dgmlang.compiler.lower.evaluate import Evaluation

BEHIND = -2
"""What stands behind the end of integers that have no class for it."""


def mark(kind: Kind) -> float | int:
    """What stands behind the end."""
    if kind.name == "cat" and kind.levels is not None and kind.levels.value is not None:
        return kind.levels.value
    return BEHIND if kind.name in INTEGERS else jnp.inf


def length(kind: Kind, value: ArrayLike) -> Array:
    """How many rows stand before the end."""
    array = jnp.asarray(value)
    behind = (array == mark(kind)).reshape(len(array), -1).all(axis=1)
    return jnp.sum(jnp.cumprod(~behind))


def entries(inside: Evaluation, owner: str) -> Array:
    """How many entries a variable has; one that is not drawn yet is as long as it can be."""
    of = inside.built.program.variables[owner].type
    if owner not in inside.values or owner in inside.open:
        return jnp.asarray(numbers(of.array_shape)[0])
    return length(of.kind, inside.values[owner])


def turns(inside: Evaluation, name: str) -> Array:
    """How many places of a variable its law counts.

    Where the end is a class that is drawn, its own place is among them: for the variable itself,
    and for the latents of its loop, which the law of the end may read.
    """
    built, variable = inside.built, inside.built.program.variables[name]
    owner = built.lengths[name]
    found = entries(inside, owner)
    if owner not in built.ended or (name != owner and variable.role == "data"):
        return found
    return jnp.minimum(found + 1, numbers(variable.type.array_shape)[0])


def before(count: ArrayLike, value: ArrayLike) -> Array:
    """Where an array stands before the end, entry by entry."""
    array = jnp.asarray(value)
    rows = jnp.arange(len(array)) < count
    return jnp.broadcast_to(rows.reshape(-1, *(1,) * (array.ndim - 1)), array.shape)


def until_end(name: str, value: ArrayLike, inside: Evaluation) -> tuple[Array, Array]:
    """A value of a variable with nothing behind its end that matters, and where it counts.

    The place of an end that is drawn keeps its class.
    """
    kind, count = inside.built.program.variables[name].type.kind, turns(inside, name)
    array = jnp.asarray(value)
    counted = before(count, array)
    return jnp.where(counted, array, plain(kind, array.shape)), counted


def until(name: str, value: Array, inside: Evaluation) -> Array:
    """Numbers of a variable's entries, NaN behind the end of a sequence."""
    if name not in inside.built.lengths:
        return value
    return jnp.where(before(turns(inside, name), value), value, jnp.nan)


def filled(kind: Kind, value: ArrayLike) -> Array:
    """The value with a plain one behind its end."""
    array = jnp.asarray(value)
    return jnp.where(before(length(kind, array), array), array, plain(kind, array.shape))


def closed(kind: Kind, value: ArrayLike, count: ArrayLike) -> Array:
    """The value with marks behind its end."""
    array = jnp.asarray(value)
    return jnp.where(before(count, array), array, jnp.asarray(mark(kind), array.dtype))


def close(built: Built, inside: Evaluation) -> dict[str, Array]:
    """The values of varying length with marks behind their ends.

    A variable that is as long as another is closed where that one ends.
    """
    found: dict[str, Array] = {}
    for name in built.lengths:
        if name in inside.values and name not in built.state_parts:
            kind = built.program.variables[name].type.kind
            found[name] = closed(kind, inside.values[name], turns(inside, name))
    return found

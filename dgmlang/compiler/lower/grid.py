"""A grid's sites by the classes that a Gibbs block draws together, each an array of its own.

With weights w and modulus m, site i is of class r = Σ w·i mod m. Along one axis a whose weight is
prime to m, the sites of a class stand m apart: at s_r(i) + m p, where s depends on the other axes.
So a class is an array with side/m places along a, and `shift` takes classes to classes: along
another axis it rolls one, along a it rolls by a number that depends on the line.

A checkerboard's sweep then computes each conditional once, and moves no memory of other sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import gcd
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Part


@dataclass(frozen=True)
class Grid:
    """How the sites of a shape fall into classes.

    Attributes:
        shape: The sides.
        weights: One for each side.
        modulus: The number of classes.
        axis: The side along which a class keeps every m-th place.
    """

    shape: tuple[int, ...]
    weights: tuple[int, ...]
    modulus: int
    axis: int

    def split(self, values: Array) -> Packed:
        """The classes of [sides, …]."""
        return Packed(tuple(self._class(values, r) for r in range(self.modulus)), self)

    def join(self, classes: Sequence[Array]) -> Array:
        """The array whose classes these are."""
        if self.modulus == 1:
            return classes[0]
        lines = [
            _chosen((self._others() + self.weights[self.axis] * place) % self.modulus, classes)
            for place in range(self.modulus)
        ]
        found = jnp.stack(lines, self.axis + 1)
        return found.reshape(*self.shape, *classes[0].shape[len(self.shape) :])

    def moved(self, source: Array, r: int, k: int, axis: int) -> Array:
        """The class that comes to stand in the places of class r."""
        if axis != self.axis:
            return jnp.roll(source, k, axis)
        start = self._starts((r - self.weights[axis] * k) % self.modulus)
        turns = (start - self._starts(r) + k) // self.modulus
        each = np.unique(turns)
        rolled = [jnp.roll(source, int(turn), axis) for turn in each]
        return _chosen(np.searchsorted(each, turns), rolled)

    def _class(self, values: Array, r: int) -> Array:
        if self.modulus == 1:
            return values
        side, a = self.shape[self.axis], self.axis
        apart = (*self.shape[:a], side // self.modulus, self.modulus, *values.shape[a + 1 :])
        lines = jnp.moveaxis(values.reshape(apart), a + 1, 0)
        return _chosen(self._starts(r), tuple(lines))

    def _starts(self, r: int) -> np.ndarray:
        """Where the class begins on each line along the axis, which is kept with length 1."""
        if self.modulus == 1:
            return np.zeros([1] * len(self.shape), int)
        inverse = pow(self.weights[self.axis], -1, self.modulus)
        return inverse * (r - self._others()) % self.modulus

    def _others(self) -> np.ndarray:
        """Σ w·i of all other axes, the axis itself with length 1."""
        sides = [1 if a == self.axis else side for a, side in enumerate(self.shape)]
        index = np.indices(sides)
        return sum((w * i for w, i in zip(self.weights, index, strict=True)), np.zeros(sides, int))


def where(part: Part, shape: tuple[int, ...]) -> np.ndarray:
    """Which sites of a variable belong to the part."""
    if part.modulus == 1:
        return np.ones(shape, bool)
    index = np.indices(shape)
    if part.lines:
        each = [np.asarray(line)[axis] for line, axis in zip(part.lines, index, strict=True)]
    else:
        each = [w * axis for w, axis in zip(part.weights, index, strict=True)]
    return np.asarray(sum(each) % part.modulus == part.residue)


def grid_of(shape: tuple[int, ...], weights: tuple[int, ...], modulus: int) -> Grid | None:
    """The grid of these classes; None where along no axis a class keeps every m-th place."""
    for axis in reversed(range(len(shape))):
        if gcd(weights[axis], modulus) == 1 and shape[axis] % modulus == 0:
            return Grid(shape, weights, modulus, axis)
    return None


@jax.tree_util.register_pytree_node_class
class Packed:
    """An array of a grid's sites as its classes, each an array or a tree of arrays alike."""

    def __init__(self, classes: tuple[Any, ...], grid: Grid) -> None:
        self.classes, self.grid = classes, grid

    def with_class(self, r: int, values: Any) -> Packed:
        """Other values of class r."""
        return Packed((*self.classes[:r], values, *self.classes[r + 1 :]), self.grid)

    def joined(self) -> Any:
        """The whole array."""
        return jax.tree.map(lambda *leaves: self.grid.join(leaves), *self.classes)

    def shifted(self, k: int, axis: int) -> Packed | None:
        """Entry i − k in the place of entry i, modulo the side; None where classes do not close."""
        grid = self.grid
        weight, m = grid.weights[axis], grid.modulus
        if weight * grid.shape[axis] % m:
            return None
        return Packed(tuple(self._come(r, k, axis) for r in range(m)), grid)

    def _come(self, r: int, k: int, axis: int) -> Any:
        """What comes to stand in the places of class r."""
        source = self.classes[(r - self.grid.weights[axis] * k) % self.grid.modulus]
        return jax.tree.map(lambda leaf: _moved(self.grid, leaf, r, k, axis), source)

    def tree_flatten(self) -> tuple[tuple[Any, ...], Grid]:
        return self.classes, self.grid

    @classmethod
    def tree_unflatten(cls, grid: Grid, classes: tuple[Any, ...]) -> Packed:
        return cls(tuple(classes), grid)


@partial(jax.custom_vjp, nondiff_argnums=(0, 2, 3, 4))
def _moved(grid: Grid, source: Array, r: int, k: int, axis: int) -> Array:
    return grid.moved(source, r, k, axis)


def _forth(grid: Grid, source: Array, r: int, k: int, axis: int) -> tuple[Array, None]:
    return grid.moved(source, r, k, axis), None


def _back(grid: Grid, r: int, k: int, axis: int, _: None, slope: Array) -> tuple[Array]:
    """A slope goes the other way: by rolls again, where JAX's own rule pads and adds."""
    return (grid.moved(slope, (r - grid.weights[axis] * k) % grid.modulus, -k, axis),)


_moved.defvjp(_forth, _back)


def _chosen(which: np.ndarray, options: Sequence[Array]) -> Array:
    """Of some arrays the one that each line names."""
    used = np.unique(which)
    found = options[used[0]]
    for number in used[1:]:
        named = which == number
        named = named.reshape(*named.shape, *[1] * (found.ndim - named.ndim))
        found = jnp.where(named, options[number], found)
    return found

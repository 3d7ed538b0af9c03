"""A mask as the two parts of an array, and what of it a coupling shows its net."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.layer import Shape
from dgmlang.layers.mlp import beside
from dgmlang.layers.pictures import beside_picture, channels_of

Bits = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Split:
    """The flat entries in an order that puts the `kept` conditioning ones first.

    The net sees the conditioning entries as a vector.
    """

    order: NDArray[np.int_]
    kept: int

    @property
    def moved(self) -> int:
        """How many entries are transformed."""
        return len(self.order) - self.kept

    def source(self, condition: Shape | None) -> Shape:
        """The shape of what the net is shown, with a condition of this shape."""
        return (self.kept + (0 if condition is None else int(np.prod(condition))),)

    def target(self, parameters: int) -> Shape:
        """The shape of what the net returns."""
        return (self.moved, parameters)

    def shown(self, value: Array, condition: Array | None) -> Array:
        """What the net sees of the whole array."""
        return beside(self.apart(jnp.ravel(value))[0], condition)

    def rows(self, raw: Array) -> Array:
        """The net's answer as one row for each transformed entry."""
        return raw

    def apart(self, flat: Array) -> tuple[Array, Array]:
        """(conditioning, transformed) entries."""
        ordered = flat if self._trivial else flat[self.order]
        return ordered[: self.kept], ordered[self.kept :]

    def together(self, kept: Array, moved: Array) -> Array:
        """The inverse of `apart`."""
        ordered = jnp.concatenate([kept, moved])
        return ordered if self._trivial else ordered[np.argsort(self.order)]

    @property
    def _trivial(self) -> bool:
        return bool((self.order == np.arange(len(self.order))).all())


@dataclass(frozen=True, eq=False)
class PictureSplit(Split):
    """A mask of a picture; the net sees a picture and returns one.

    What is transformed is shown as 0; a channel that holds nothing else is left out.
    """

    mask: Bits

    def source(self, condition: Shape | None) -> Shape:
        return *self.mask.shape[:2], int(self._seen.sum()) + channels_of(condition, self.mask.shape)

    def target(self, parameters: int) -> Shape:
        return *self.mask.shape[:2], int(self._answered.sum()), parameters

    def shown(self, value: Array, condition: Array | None) -> Array:
        return beside_picture(jnp.where(self.mask, value, 0)[..., self._seen], condition)

    def rows(self, raw: Array) -> Array:
        wanted = ~self.mask[..., self._answered]
        every = raw.reshape(-1, raw.shape[-1])
        return every if wanted.all() else every[np.flatnonzero(wanted)]

    @property
    def _seen(self) -> Bits:
        return np.asarray(self.mask.any(axis=(0, 1)))

    @property
    def _answered(self) -> Bits:
        return np.asarray((~self.mask).any(axis=(0, 1)))


def split(mask: Bits) -> Split:
    """Conditioning entries are those where the mask is True."""
    flat = mask.ravel()
    order, kept = np.argsort(~flat, kind="stable"), int(flat.sum())
    return Split(order, kept) if mask.ndim == 1 else PictureSplit(order, kept, mask)

"""A data set a block of rows at a time, so that what is computed on the way to an answer is small.

A comparison of a whole array makes arrays of its size, and a preparation several of four bytes an
entry: many times what a data set of bytes takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ROWS = 512


def blocks(count: int) -> Iterator[slice]:
    """The rows of each block."""
    return (slice(start, min(start + ROWS, count)) for start in range(0, count, ROWS))


def somewhere(test: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> bool:
    """Whether `test`, entry by entry, holds of any."""
    return any(bool(test(array[rows]).any()) for rows in blocks(len(array)))


@dataclass(frozen=True)
class Blocks:
    """An array of `count` rows that is never whole: `make` makes a block whenever it is looked at.

    So iterating twice makes everything twice.
    """

    count: int
    make: Callable[[slice], np.ndarray]

    @staticmethod
    def of(array: np.ndarray) -> Blocks:
        """An array that is there."""
        return Blocks(len(array), array.__getitem__)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (np.asarray(self.make(rows)) for rows in blocks(self.count))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The whole array's, from its first block."""
        return (self.count, *next(iter(self)).shape[1:])

    def largest(self) -> float:
        """The largest finite entry that is not missing; 0 where all are below it or missing."""
        numbers = (np.where(np.isposinf(block), 0, block) for block in self)
        return max(float(np.fmax.reduce(block, axis=None, initial=0)) for block in numbers)

    def whole(self) -> np.ndarray:
        """All of it."""
        found: np.ndarray | None = None
        for rows, block in zip(blocks(self.count), self, strict=True):
            if found is None:
                found = np.empty((self.count, *block.shape[1:]), block.dtype)
            found[rows] = block
        assert found is not None
        return found

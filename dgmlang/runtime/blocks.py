"""A data set a block of rows at a time, so that what is computed on the way to an answer is small.

A comparison of a whole array makes arrays of its size, and a preparation several of four bytes an
entry: many times what a data set of bytes takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

ROWS = 512


def blocks(count: int) -> Iterator[slice]:
    """The rows of each block."""
    return (slice(start, min(start + ROWS, count)) for start in range(0, count, ROWS))


def somewhere(test: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> bool:
    """Whether `test`, entry by entry, holds of any."""
    return any(bool(test(array[rows]).any()) for rows in blocks(len(array)))


def mapped(function: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    """The blocks that a function makes of rows, as one array."""
    found: np.ndarray | None = None
    for rows in blocks(count):
        block = np.asarray(function(rows))
        if found is None:
            found = np.empty((count, *block.shape[1:]), block.dtype)
        found[rows] = block
    assert found is not None
    return found

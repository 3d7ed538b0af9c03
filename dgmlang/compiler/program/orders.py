"""Orders of entries that the front end and the implementations must agree on."""

from __future__ import annotations


def shuffled(seed: int, n: int) -> list[int]:
    """A permutation of 0 … n − 1 that `seed` fixes, on every machine and version of Python.

    Of `random`, only the stream of `random()` is promised to stay, so it is what sorts.
    """
    from random import Random  # a program without such an order starts sooner

    stream = Random(seed)
    keys = [stream.random() for _ in range(n)]
    return sorted(range(n), key=keys.__getitem__)


def squeezed(h: int, w: int, c: int) -> list[int]:
    """Which flat entry of a picture [h, w, c] stands where in the squeezed one [h/2, w/2, 4c].

    Each square of 2 × 2 becomes one place; its channels are those of the square in raster order.
    """
    corners = [(a, b) for a in (0, 1) for b in (0, 1)]
    return [
        ((2 * i + a) * w + 2 * j + b) * c + k
        for i in range(h // 2)
        for j in range(w // 2)
        for a, b in corners
        for k in range(c)
    ]

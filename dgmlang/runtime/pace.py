"""How many steps the next call takes, so that a person sees about four updates a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

SECONDS = 0.25


class Pace:
    """Counts one step first (the call that compiles), then aims at a quarter of a second."""

    def __init__(self) -> None:
        self.count = 1
        self._compiled = False

    @contextmanager
    def measure(self, steps: int) -> Iterator[None]:
        """Around a call of so many steps."""
        start = perf_counter()
        yield
        if not self._compiled:
            self._compiled = True
            return
        fitting = int(steps * SECONDS / (perf_counter() - start))
        # One slow or quick call must not swing the count by more than this.
        self.count = max(1, min(fitting, 8 * self.count))

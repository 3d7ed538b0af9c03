"""Ctrl-C while a compiled call runs: noted, and acted upon when the call is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Within its `with`, the first Ctrl-C sets `asked`; a second one stops at once.

    Only the main thread hears signals; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._put_back()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """A KeyboardInterrupt that a callback raises counts as Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            self.asked = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._put_back()

    def _put_back(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

"""Memory that compiling has freed, given back to the system.

XLA compiles on threads, and the C library keeps a heap for each. What one has freed the others do
not use: after a training step of a small network was compiled, more than 100 MB lie idle for as
long as the process runs, and add to the peak of what comes next.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Give freed memory back where the C library can (glibc); takes a few milliseconds."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

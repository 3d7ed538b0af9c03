"""Files that commands write: whole or not at all, their folders made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO


def put(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write one file through `fill` (DGM0602 where the system refuses)."""
    from dgmlang.compiler.diagnostics.codes import runs as codes
    from dgmlang.compiler.diagnostics.diagnostic import DgmError
    from dgmlang.runtime.checkpoint import write

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, fill)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise DgmError(codes.unwritable(str(path), reason)) from error

"""Writes a user's file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_IMODE

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError


def rewrite(path: Path, text: str) -> None:
    """Beside the file first, then renamed; a link's target is what is written (DGM0605)."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with target.open("r+b"):
            pass  # a file that is not ours to write stays, even where its folder is ours
        with beside.open("wb") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        beside.chmod(S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise DgmError(codes.not_overwritten(str(path), reason)) from None
    finally:
        beside.unlink(missing_ok=True)

"""What the commands write besides their answers: diagnostics and reports of our own bugs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import IO

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.render import render


def colored(out: IO[str]) -> bool:
    """Colour goes to terminals alone, and to none under `NO_COLOR` (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and out.isatty()


def say(diagnostics: Iterable[Diagnostic]) -> None:
    """Draw findings on standard error, with an empty line between two."""
    color = colored(sys.stderr)
    texts = [render(diagnostic, color) for diagnostic in diagnostics]
    if texts:
        print("\n\n".join(texts), file=sys.stderr)


def report_bug(error: Exception) -> None:
    """Say that the fault is ours, and put the traceback into a file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="dgm-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        print("dgm", *sys.argv[1:], file=file)
        traceback.print_exception(error, file=file)
    what = f"{type(error).__name__}: {error}".rstrip(": ").splitlines()[0]
    print(
        f"dgm stopped by a bug of ours, not by a fault of your program or data: {what}\n"
        f"  the traceback is in {file.name}; please report it together with your program",
        file=sys.stderr,
    )

"""DGM0935: fitted laws that are put together."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic


def apart(why: str, *, mixed: bool = False) -> Diagnostic:
    """Laws of which no product or mixture is made."""
    help = (
        "write `dgm.product`, which needs no constants"
        if mixed
        else "pass two or more fitted models of the same data, with one number each"
    )
    return Diagnostic("DGM0935", "laws apart", (), (why,), help, place="the laws")

"""DGM0935 and DGM0936: fitted laws that are put together, laws that are taken apart."""

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


def no_mean_field(why: str, place: str) -> Diagnostic:
    """A mean-field positive phase of latents that have none."""
    help = "write `positive = chains`, or leave `positive` out"
    return Diagnostic("DGM0936", "no mean field", (), (why,), help, place=place)

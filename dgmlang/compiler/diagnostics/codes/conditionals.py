"""DGM085x: laws of some variables, or of some entries, given others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def unknown_part(key: str, name: str, shape: Sequence[int], value: Sequence[int]) -> Diagnostic:
    """A part that the variable does not have, or a value that does not fit it."""
    why = f"`{name}` has shape {list(shape)}; the value has shape {list(value)}"
    help = f"give a part that lies within `{name}`, and a value of that part's shape"
    return Diagnostic("DGM0850", "part does not fit", (), (why,), help, place=f"given {key}")


def unreadable_part(key: str) -> Diagnostic:
    """An index that is none."""
    why = "Expected integers and slices, as in `x[:20]` or `x[0, 3:]`"
    help = "write integers and slices, or mark what is not known by NaN"
    return Diagnostic("DGM0850", "part does not fit", (), (why,), help, place=f"given {key}")


def no_conditional(span: Span, name: str, why: str) -> Diagnostic:
    """A variable whose law given others is known neither exactly nor up to a constant."""
    label = Label(span, f"the law of `{name}` given the rest is asked for")
    help = "give all that stands below it, or ask `sample`, whose draws need no such law"
    return Diagnostic("DGM0851", "no conditional law", (label,), (why,), help)


def nothing_to_predict(name: str, model: str) -> Diagnostic:
    """A prediction of what is given in full."""
    why = f"`{name}` is given in full"
    help = f"take `{name}` out of `given`, or give NaN where it is to be predicted"
    return Diagnostic("DGM0852", "nothing to predict", (), (why,), help, place=model)


def nothing_missing(names: Iterable[str], model: str) -> Diagnostic:
    """Data to be completed that lack nothing."""
    shown = ", ".join(f"`{name}`" for name in names)
    help = "write NaN for what is missing, or pass `mask`, true where it is"
    return Diagnostic(
        "DGM0853",
        "nothing is missing",
        (),
        (f"every value of {shown} is there",),
        help,
        place=model,
    )

"""DGM03xx, laws that a condition chooses between, and what a law may rest on."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def two_supports(span: Span, support: str, first: Span, other: str) -> Diagnostic:
    """Two laws that a condition chooses between, and that have not the same values."""
    labels = (Label(span, f"this law has support {support}"), Label(first, f"and this one {other}"))
    help = "give both laws one support, so that each value has a density under both"
    return Diagnostic("DGM0307", "support mismatch", labels, help=help)


def prior_reads(span: Span, owner: Span, name: str, param: str, role: str) -> Diagnostic:
    """A param's prior that reads what each example has one of."""
    labels = (
        Label(span, f"each example has its own `{name}`"),
        Label(owner, f"there is one `{param}` for the data set"),
    )
    why = ("a prior may read params, and givens that are `shared`",)
    help = f"write `shared` behind the type of `{name}`, if the data set has one value of it"
    said = help if role == "given" else None
    return Diagnostic("DGM0395", "prior of one example", labels, why, said)


def drawn_together(span: Span, test: Span, axes: str) -> Diagnostic:
    """A law of several entries, where each of them has a condition of its own."""
    labels = (
        Label(span, "this law draws its entries together"),
        Label(test, f"and here each of {axes} chooses for itself"),
    )
    help = "condition on one bit, or take a law that draws entry by entry"
    return Diagnostic("DGM0397", "entries drawn together", labels, (), help)

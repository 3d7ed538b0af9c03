"""DGM0307, DGM0397: laws that a condition chooses between."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def two_supports(span: Span, support: str, first: Span, other: str) -> Diagnostic:
    """Two laws that a condition chooses between, and that have not the same values."""
    labels = (Label(span, f"this law has support {support}"), Label(first, f"and this one {other}"))
    help = "give both laws one support, so that each value has a density under both"
    return Diagnostic("DGM0307", "support mismatch", labels, help=help)


def drawn_together(span: Span, test: Span, axes: str) -> Diagnostic:
    """A law of several entries, where each of them has a condition of its own."""
    labels = (
        Label(span, "this law draws its entries together"),
        Label(test, f"and here each of {axes} chooses for itself"),
    )
    help = "condition on one bit, or take a law that draws entry by entry"
    return Diagnostic("DGM0397", "entries drawn together", labels, (), help)

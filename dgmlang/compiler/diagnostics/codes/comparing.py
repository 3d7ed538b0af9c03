"""DGM086x: draws beside data, and models beside each other."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def not_comparable(span: Span, name: str) -> Diagnostic:
    """Samples whose examples are no points of one space."""
    label = Label(span, f"examples of `{name}` may differ in length, or lack entries")
    why = "two samples are compared by distances between examples, entry by entry"
    return Diagnostic("DGM0860", "nothing to measure by", (label,), (why,))


def too_few_to_compare(count: int, permutations: int, least: int) -> Diagnostic:
    """Samples too small for a test, or no permutations of them."""
    if permutations < 1:
        why = f"Expected at least one permutation; found {permutations}"
    else:
        why = f"Expected at least {least} examples on each side; found {count}"
    return Diagnostic("DGM0861", "too little to compare", (), (why,), place="compare")

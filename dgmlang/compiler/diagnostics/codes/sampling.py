"""DGM089x: how draws are asked for."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def no_temperature(span: Span, law: str) -> Diagnostic:
    """A temperature of draws from a law whose power is no law that is known."""
    label = Label(span, "this law is drawn at a temperature")
    why = f"`{law}` to the power 1/temperature, normalised again, is no law of the library"
    return Diagnostic("DGM0890", "no temperature", (label,), (why,), "draw at temperature 1")

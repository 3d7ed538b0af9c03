"""DGM088x: lossless codes by a model's conditionals."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def no_code(span: Span, name: str, why: str) -> Diagnostic:
    """A variable without conditionals that a coder could go by."""
    label, help = Label(span, f"`{name}` cannot be coded"), "cut reals into bins with `quantize(…)`"
    return Diagnostic("DGM0880", "no code", (label,), (why,), help)


def not_a_code(size: int) -> Diagnostic:
    """Bytes that `compress` did not write."""
    why = f"Expected what `compress` wrote; found {size} bytes of something else"
    help = "pass the bytes as `compress` gave them, to a fit of the same parameters"
    return Diagnostic("DGM0881", "not a code", (), (why,), help, place="decompress")


def code_of_another_model(model: str) -> Diagnostic:
    """A code written with other parameters."""
    why = f"it was written with other parameters than those of this `{model}`"
    help = "decompress by the fit that compressed it, or by the run folder that this was saved to"
    return Diagnostic("DGM0882", "code of another model", (), (why,), help, place="decompress")


def damaged_code() -> Diagnostic:
    """A code whose data do not match their checksum."""
    why = "what it decodes to does not match its checksum"
    help = "it is damaged, or another machine or version of JAX rounds otherwise"
    return Diagnostic("DGM0883", "damaged code", (), (why,), help, place="decompress")

"""Vector fields that flows follow, and how these are solved."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def not_a_field(
    span: Span, declared: Span, net: str, point: str, condition: str | None = None
) -> Diagnostic:
    """A net that is no vector field of the value that flows, given its condition."""
    takes, port = "a point and a time", ""
    if condition is not None:
        takes, port = "a point, a time and the condition", f", c: {condition}"
    return Diagnostic(
        "DGM0359",
        "not a vector field",
        (
            Label(span, f"Expected a net of {takes}; `{net}` is none here"),
            Label(declared, f"`{net}` is declared here"),
        ),
        help=f"declare `net {net}(x: {point}, t: unit{port}) -> {point}`",
    )


def steps_wanted(span: Span, solver: str) -> Diagnostic:
    """A solver without an estimate of its error, and no number of steps."""
    return Diagnostic(
        "DGM0384",
        "number of steps missing",
        (Label(span, f"`{solver}` does not know its error, so it cannot choose its steps"),),
        help="write `steps = 50` beside it, or take `Tsit5`, which keeps to `rtol` and `atol`",
    )

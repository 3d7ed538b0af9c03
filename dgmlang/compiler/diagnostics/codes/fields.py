"""Declared nets in flows, as conditioners and vector fields, and how the latter are solved."""

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


def not_a_conditioner(
    span: Span, declared: Span, net: str, kept: str, condition: str | None = None
) -> Diagnostic:
    """A net that does not take what a coupling shows it."""
    takes, port = "the entries that condition", ""
    if condition is not None:
        takes, port = f"{takes}, and the condition", f", c: {condition}"
    return Diagnostic(
        "DGM0389",
        "not a conditioner",
        (
            Label(span, f"Expected a net of {takes}; `{net}` is none here"),
            Label(declared, f"`{net}` is declared here"),
        ),
        ("a stage adds its own head to the net, so any number of features will do",),
        help=f"declare `net {net}(x: {kept}{port}) -> real[64]`",
    )


def steps_wanted(span: Span, solver: str) -> Diagnostic:
    """A solver without an estimate of its error, and no number of steps."""
    return Diagnostic(
        "DGM0384",
        "number of steps missing",
        (Label(span, f"`{solver}` does not know its error, so it cannot choose its steps"),),
        help="write `steps = 50` beside it, or take `Tsit5`, which keeps to `rtol` and `atol`",
    )

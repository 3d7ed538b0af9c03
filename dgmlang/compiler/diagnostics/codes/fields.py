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
    span: Span,
    declared: Span,
    net: str,
    shown: str,
    condition: str | None = None,
    rows: str | None = None,
) -> Diagnostic:
    """A net that does not take what is shown, or has no row for each of `rows` entries."""
    takes = "the entries that condition" if rows is None else "all entries, with a row for each"
    port, answer = "", "64" if rows is None else f"{rows}, 8"
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
        help=f"declare `net {net}(x: {shown}{port}) -> real[{answer}]`",
    )


def at_levels(span: Span, net: str) -> Diagnostic:
    """A declared net, which is of one shape, where each level has pictures of another."""
    return Diagnostic(
        "DGM0389",
        "not a conditioner",
        (Label(span, f"`{net}` is of one shape, and the pictures of each level are of another"),),
        ("each level has half the sides and twice the channels of the one before",),
        help="write its layers here, as `conv_net(64)`: each level then has a net of its own",
    )


def steps_wanted(span: Span, solver: str) -> Diagnostic:
    """A solver without an estimate of its error, and no number of steps."""
    return Diagnostic(
        "DGM0384",
        "number of steps missing",
        (Label(span, f"`{solver}` does not know its error, so it cannot choose its steps"),),
        help="write `steps = 50` beside it, or take `Tsit5`, which keeps to `rtol` and `atol`",
    )

"""DGM087x: how usual examples are, what would be more usual, and what a critic sees in them."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def no_reference(model: str) -> Diagnostic:
    """Ranks of a conditional model, whose draws would be of other givens."""
    why = "examples are ranked among draws of the model, and it conditions on givens"
    help = "pass `reference = …`, data with their givens"
    return Diagnostic("DGM0870", "nothing to rank among", (), (why,), help, place=model)


def no_radius(radius: float) -> Diagnostic:
    """A radius within which nothing lies."""
    why = f"Expected a number from 0; found {radius!r}"
    return Diagnostic("DGM0871", "no radius", (), (why,), "give 0 or more", place="radius")


def no_purifying(span: Span, name: str, kind: str) -> Diagnostic:
    """Data that can neither be moved along a gradient nor chosen entry by entry."""
    label = Label(span, f"`{name}` is {kind}")
    why = (
        "data move along ∇ log p, or are chosen entry by entry where levels have an order and the "
        "law reads `past`"
    )
    help = "purify a model of real data, or of ordered levels under `past`"
    return Diagnostic("DGM0872", "no way to purify", (label,), (why,), help)


def no_critic(model: str) -> Diagnostic:
    """Features of a model that has neither a critic nor a net that classifies."""
    help = "write one: `critic(x) = x |> mlp([128, 128])`"
    why = f"`{model}` writes no critic, and no net of givens gives the law of a lone class"
    return Diagnostic("DGM0873", "no features", (), (why,), help, place=model)


def critic_without_layers(span: Span) -> Diagnostic:
    """A critic whose expression is the number itself."""
    label = Label(span, "this is the critic's number itself")
    why = "features are what its head reads, and it has none"
    help = "end it in layers, `x |> mlp([128])`: the number is added"
    return Diagnostic("DGM0873", "no features", (label,), (why,), help)

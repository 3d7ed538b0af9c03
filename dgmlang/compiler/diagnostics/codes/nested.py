"""DGM0940 to DGM0943: models and bins in places that want a density of them."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def inexact(span: Span, model: str, missing: str, why: str, help: str) -> Diagnostic:
    """A model whose density is not exact, as a law whose density is taken as a number."""
    label = Label(span, f"the density of `{model}` is wanted here, and {missing}")
    return Diagnostic("DGM0940", "no exact density of a model", (label,), (why,), help)


def other_turns(span: Span, name: str, index: str) -> Diagnostic:
    """A law in a loop that brings variables along at some turns, and other ones elsewhere."""
    label = Label(span, f"at some `{index}` the law of `{name}` brings variables, elsewhere others")
    why = ("what comes along with a law, as a model's latents, has one law at every turn",)
    help = f"write those latents in the loop, as `latent z[{index}] : real ~ Normal(0, 1)`"
    return Diagnostic("DGM0942", "variables of some turns", (label,), why, help)


def bins_elsewhere(span: Span, law: str) -> Diagnostic:
    """`quantize` of a law without a cdf where it is not the whole law of a data variable."""
    label = Label(span, f"the bins of `{law}` have no exact probability, and one is wanted here")
    why = (
        "without a cdf a bin is that of a latent between 0 and 1, which only data can bring along",
    )
    help = "quantise a law with a cdf, as `quantize(Logistic(0.5, 0.1))`, or a mixture of those"
    return Diagnostic("DGM0941", "bins without a cdf", (label,), why, help)


def place_without_density(span: Span, name: str, index: str | None) -> Diagnostic:
    """A place within a bin that is computed, or is said turn by turn."""
    if index is None:
        label = Label(span, f"`{name}` is computed, so its place has no density")
        why = "the bound takes the density of the number from that of its place within the bin"
        help = f"write a law, as `{name} ~ Beta(8, 8)`, which may be as narrow as you like"
    else:
        label = Label(span, f"`{name}` is said turn by turn of `{index}`")
        why = "the density of a place is taken on the way to its draw, which is one of all turns"
        help = f"write `{name} ~ …` without the loop: its arrays have the loop's axis in front"
    return Diagnostic("DGM0943", "place in a bin", (label,), (why,), help)

"""Words about guides and noise: what a companion may give a law to, and what it may read."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def guide_target(span: Span, name: str) -> Diagnostic:
    """A guide for something that is not latent."""
    return Diagnostic(
        "DGM0324",
        "guide of no latent",
        (Label(span, f"`{name}` is not a latent of this model"),),
        ("a guide gives latents (and data that may be missing) their posterior",),
        f"leave `{name}` out of the guide",
    )


def _noise(span: Span, label: str, help: str) -> Diagnostic:
    """A law for noise that contrast with the data cannot use."""
    why = ("noise is a law of the data with a density, and of nothing else of the example",)
    return Diagnostic("DGM0373", "not a noise law", (Label(span, label),), why, help)


def noise_target(span: Span, name: str) -> Diagnostic:
    """Noise for something that is not data."""
    return _noise(span, f"`{name}` is no data of this model", f"leave `{name}` out of the noise")


def noise_missing(span: Span, name: str) -> Diagnostic:
    """Noise for some of the data only."""
    return _noise(span, f"`{name}` has no noise law here", f"add `{name} ~ …` to it")


def noise_computed(span: Span, name: str) -> Diagnostic:
    """Noise that is computed."""
    return _noise(span, "what is computed has no density", f"write `{name} ~ …`")


def noise_reads(span: Span, name: str) -> Diagnostic:
    """Noise that reads a variable of the example."""
    return _noise(
        span, f"`{name}` belongs to the example", f"make `{name}` a param, or leave it out"
    )


def guide_reads_latent(span: Span, name: str, *, brought: bool) -> Diagnostic:
    """A guide that conditions on a latent which it does not draw.

    `brought`: the guide came along with the model that is the latent's law.
    """
    label = f"the guide has no value for the latent `{name}`"
    if brought:
        label = f"this model brings a guide that reads `{name}`, a latent without a law in a guide"
        why = "a guide knows data, givens, and the latents that it draws itself"
        help = f"give `{name}` a law in a guide: `guide {{ {name} ~ … }}`"
        return Diagnostic("DGM0335", "unknown to the guide", (Label(span, label),), (why,), help)
    return Diagnostic(
        "DGM0335",
        "unknown to the guide",
        (Label(span, label),),
        ("a guide knows data, givens, and the latents that it draws itself",),
        f"give `{name}` a law in the guide, or take it out here",
    )


def guide_reads_missing(span: Span, name: str) -> Diagnostic:
    """A guide that conditions on data which may be missing, and does not draw them."""
    return Diagnostic(
        "DGM0382",
        "missing in the guide",
        (Label(span, f"the guide has no value for `{name}` where an example lacks it"),),
        ("data that may be missing are latents of such an example",),
        f"pass `fill({name}, 0)` and `observed({name})`, or give `{name}` a law in the guide",
    )


def guide_of_code(span: Span, name: str) -> Diagnostic:
    """A guide for a latent that a bijection gives exactly."""
    label = Label(span, f"`{name}` follows from the data by the inverse")
    help = "take its law out of the guide"
    return Diagnostic("DGM0340", "guide of a known latent", (label,), (), help)

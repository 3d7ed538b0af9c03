"""DGM0896 to DGM0899, DGM0945: posteriors of single examples, and draws that are weighed."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def no_proposal(latent: str, why: str, model: str) -> Diagnostic:
    """Draws of a prior whose density, which they must be weighed by, is not at hand."""
    why = f"draws of `{latent}` cannot be weighed by their prior: {why}"
    help = "write `proposal = guide`"
    return Diagnostic("DGM0896", "no prior to draw from", (), (why,), help, place=model)


def no_refining(span: Span, latent: str) -> Diagnostic:
    """A latent over which an example cannot have a Gaussian of its own."""
    label = Label(span, f"`{latent}` is finite, varies in length, or has a score for its law")
    why = "an example's own posterior is Gaussian, on the reals behind each latent's kind"
    help = "leave `refine`, or `guide = local`, out; `iwae` is tighter without them"
    return Diagnostic("DGM0898", "no refining", (label,), (why,), help)


def no_rows_kept(model: str) -> Diagnostic:
    """The posteriors of the training data, of a fit that did not keep them."""
    why = f"this fit of `{model}` keeps no posterior of the examples that it was trained on"
    help = "give the data, or train by `elbo(guide = local)`, which does"
    return Diagnostic("DGM0899", "posterior of no data", (), (why,), help, place=model)


def wrong_steps(n: object) -> Diagnostic:
    """A number of steps that is none."""
    why = f"Expected a whole number from 0; found {n!r}"
    help = "write `refine = 200`, or leave it out for the guide's own answer"
    return Diagnostic("DGM0945", "wrong number of steps", (), (why,), help, place="refine")


def unread_by_local(name: str) -> Diagnostic:
    """A setting of `elbo` that is about guides, where each example has a posterior of its own."""
    why = f"`{name}` of `elbo` is about a guide, and `guide = local` has none: one pathwise bound"
    help = f"leave `{name}` out, or `guide = local`"
    return Diagnostic("DGM0435", "idle setting", (), (why,), help, place=name)

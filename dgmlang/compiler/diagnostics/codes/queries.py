"""DGM08xx: questions to a model that it cannot answer, and draws that cannot be made."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.suggest import suggest


def normaliser_not_a_sum(model: str, variable: str) -> Diagnostic:
    """The log Z of an energy over a variable that is not finite."""
    return Diagnostic(
        "DGM0801",
        "no finite sum",
        (),
        (f"the normaliser of `{model}` integrates over `{variable}`, which is not finite",),
        place=model,
    )


def normaliser_too_large(model: str, log2_states: float, budget: int) -> Diagnostic:
    """The log Z of an energy with more states than the budget."""
    why = f"the normaliser of `{model}` sums 2^{log2_states:.0f} states; the budget is {budget}"
    return Diagnostic("DGM0802", "sum too large", (), (why,), place=model)


def unknown_choice(what: str, name: str, known: Iterable[str]) -> Diagnostic:
    """A solver, loss or other setting whose name is none of the known ones."""
    known = tuple(known)
    near = suggest(name, known)
    return Diagnostic(
        "DGM0803",
        f"unknown {what}",
        (),
        (f"no {what} is called `{name}`; there are {', '.join(known)}",),
        f"write `{near}`" if near else None,
        place=f"{what} = {name}",
    )


def weighted_kl(variable: str, beta: float) -> Diagnostic:
    """A weight on the KL of a bound in which some latents are summed out."""
    return Diagnostic(
        "DGM0804",
        "no KL to weigh",
        (),
        (
            f"`{variable}` is summed out of the joint density, so that the bound does not split "
            "into a reconstruction and a KL",
        ),
        "take `beta` out",
        place=f"beta = {beta:g}",
    )

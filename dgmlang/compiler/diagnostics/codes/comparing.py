"""DGM086x: draws beside data, and models beside each other."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def not_comparable(span: Span, name: str) -> Diagnostic:
    """Samples whose examples are no points of one space."""
    label = Label(span, f"examples of `{name}` may differ in length, or lack entries")
    why = "two samples are compared by distances between examples, entry by entry"
    help = "compare what has one length and lacks nothing, as `fit.value(…)` of each side"
    return Diagnostic("DGM0860", "nothing to measure by", (label,), (why,), help)


def too_few_to_compare(count: int, permutations: int, least: int) -> Diagnostic:
    """Samples too small for a test, or no permutations of them."""
    if permutations < 1:
        why = f"Expected at least one permutation; found {permutations}"
    else:
        why = f"Expected at least {least} examples on each side; found {count}"
    help = "leave `permutations` out" if permutations < 1 else "bring more examples"
    return Diagnostic("DGM0861", "too little to compare", (), (why,), help, place="compare")


def no_modes(modes: tuple[int, ...], draws: tuple[int, ...], radius: float | None) -> Diagnostic:
    """Modes that are no places among the draws, or without a distance that counts as near."""
    if modes[1:] == draws[1:]:
        why = f"Expected a radius above 0, within which a draw is a mode's; found {radius}"
        help = "write `radius = …`, three standard deviations of a mode, say"
    else:
        why = f"Expected places of shape [k, {', '.join(map(str, draws[1:]))}]; found {list(modes)}"
        help = "give one array of the shape of the data, a row for each mode"
    return Diagnostic("DGM0897", "no modes to come to", (), (why,), help, place="compare")


def other_data(p: str, q: str, of_p: Mapping[str, str], of_q: Mapping[str, str]) -> Diagnostic:
    """Two models whose data are not of the same names and types."""
    one, other = (", ".join(f"{n} : {t}" for n, t in d.items()) for d in (of_p, of_q))
    why = f"`{p}` has {one}; `{q}` has {other}"
    help = "give both models data of the same names and types"
    return Diagnostic("DGM0862", "different data", (), (why,), help, place="divergence")


def no_divergence(model: str, reason: str) -> Diagnostic:
    """A model whose log p is not known, or not of its data alone."""
    why = f"a divergence needs normalised densities on both sides; of `{model}`: {reason}"
    help = "`compare` lays draws beside data without a density"
    return Diagnostic("DGM0863", "no density to compare", (), (why,), help, place=model)

"""The facets of LANGUAGE.md, section 6: each a meet over the sites that the data's law rests on."""

from __future__ import annotations

from collections.abc import Sequence

from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.derive.facts import Bounded, Facet, Removal, Witness
from dgmlang.compiler.derive.remove import gradient_of, states
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Program, ScoreLaw, Variable
from dgmlang.compiler.types.kinds import Type

SUMMED_BITS = 20
"""log₂ of the states that a normaliser may be summed over."""


def density(program: Program, bounded: Sequence[Bounded]) -> Facet:
    """`exact` > `bound` > `none`."""
    for data in program.having("data"):
        if isinstance(data.law, ScoreLaw):
            text = f"the score of {data.name} is modelled, not its density"
            return Facet("none", (Witness("score", text, data.law.span),))
        if isinstance(data.law, ComputedLaw) and data.law.chain is None:
            text = f"{data.name} is computed by a function that is not a chain of bijections"
            return Facet("none", (Witness("implicit", text, data.law.span),))
    if bounded:
        return Facet("bound", tuple(b.witness for b in bounded))
    return Facet("exact")


def normaliser(program: Program, removed: Sequence[Removal]) -> Facet:
    """`one` > `summed` > `unknown`."""
    if not program.energies:
        return Facet("one")
    sites = energy_variables(program)
    over = summed_over(program, removed)
    span = program.energies[0].span
    if over is not None:
        text = f"the states of {', '.join(over) or 'nothing'} are few enough to sum over"
        return Facet("summed", (Witness("enumeration", text, span),))
    infinite = [v for v in sites if v.type.kind.space != "finite"]
    if infinite:
        text = (
            f"{infinite[0].name} is {infinite[0].type.kind.space}: its energy has no known integral"
        )
    else:
        text = f"the states of {', '.join(v.name for v in sites)} are too many to sum over"
    return Facet("unknown", (Witness("energy", text, span),))


def summed_over(program: Program, removed: Sequence[Removal]) -> tuple[str, ...] | None:
    """The variables whose joint states give log Z, the others going by their free energy; or None.

    Either what is left once the free-energy rule has removed its latents, or the other way round:
    an energy of two sides is affine in each, so the smaller side may be enumerated.
    """
    sites = energy_variables(program)
    if not sites or any(v.type.kind.space != "finite" for v in sites) or program.having("given"):
        return None
    free = [
        v for v in sites if any(r.variable == v.name and r.rule == "free energy" for r in removed)
    ]
    rest = [v for v in sites if v not in free]
    choices = [rest, free] if free and len(rest) == 1 and _affine(rest[0], program) else [rest]
    costs = [(sum(states(v) or SUMMED_BITS + 1 for v in c), i) for i, c in enumerate(choices)]
    cheapest, which = min(costs)
    return tuple(v.name for v in choices[which]) if cheapest <= SUMMED_BITS else None


def _affine(variable: Variable, program: Program) -> bool:
    binary = variable.type.kind.name in ("bit", "spin")
    return binary and all(degree(e, {variable.name}, program.nets) <= 1 for e in program.energies)


def energy_variables(program: Program) -> tuple[Variable, ...]:
    """The variables whose joint density the energies define."""
    return tuple(v for v in program.having("data", "latent") if isinstance(v.law, EnergyLaw))


def score(program: Program, density_facet: Facet, space_facet: Facet) -> Facet:
    """`exact`, `model` or `none`."""
    modelled = next((v for v in program.having("data") if isinstance(v.law, ScoreLaw)), None)
    if modelled is not None:
        text = f"the score of {modelled.name} is what is modelled"
        return Facet("model", (Witness("score", text, modelled.span),))
    if space_facet.value != "continuous":
        return Facet("none", space_facet.witnesses)
    return Facet("exact" if density_facet.value == "exact" else "none", density_facet.witnesses)


def space(program: Program) -> Facet:
    """`continuous`, `finite`, `discrete` or `mixed`."""
    data = program.having("data")
    found = {v.type.kind.space for v in data}
    witnesses = tuple(Witness("kind", f"{v.name} is {_spoken(v.type)}", v.span) for v in data)
    return Facet(found.pop() if len(found) == 1 else "mixed", witnesses)


def _spoken(of: Type) -> str:
    return f"of kind {of.kind}, which is {of.kind.space}"


def draw(program: Program) -> Facet:
    """`direct`, `simulated` or `chain`."""
    for v in program.having("data", "latent"):
        if isinstance(v.law, EnergyLaw):
            text = f"{v.name} has an energy, which only a chain draws from"
            return Facet("chain", (Witness("energy", text, v.span),))
        if isinstance(v.law, ScoreLaw):
            kind = "simulated" if v.law.process else "chain"
            text = f"{v.name} has a score, which is followed in time"
            return Facet(kind, (Witness("score", text, v.span),))
    return Facet("direct")


def pathwise(program: Program, draw_facet: Facet) -> Facet:
    """`yes` where gradients of a draw of the data reach every parameter."""
    if draw_facet.value != "direct":
        return Facet("no", draw_facet.witnesses)
    for v in program.having("latent", "data"):
        if v.law is not None and gradient_of(v.law) != "pathwise":
            text = f"the draw of {v.name} is discrete, so no gradient passes through it"
            return Facet("no", (Witness("draw", text, v.span),))
    return Facet("yes")

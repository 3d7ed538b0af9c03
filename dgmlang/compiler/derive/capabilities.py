"""The facets of LANGUAGE.md, section 6: each a meet over the sites that the data's law rests on."""

from __future__ import annotations

from collections.abc import Sequence

from dgmlang.compiler.derive.definite import normalisable
from dgmlang.compiler.derive.facts import Bounded, Facet, Summation, Witness
from dgmlang.compiler.derive.remove import gradient_of, jumping
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Program, ScoreLaw, Variable
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import entries


def density(program: Program, bounded: Sequence[Bounded]) -> Facet:
    """`exact` > `bound` > `none`."""
    for data in program.having("data"):
        if isinstance(data.law, ScoreLaw):
            text = f"the score of {data.name} is modelled, not its density"
            return Facet("none", (Witness("score", text, data.law.span),))
        computed = [e for e in entries(data.law) if isinstance(e, ComputedLaw)]
        if any(law.chain is None for law in computed):
            text = f"{data.name} is computed by a function that is not a chain of bijections"
            return Facet("none", (Witness("implicit", text, computed[0].span),))
    if bounded:
        return Facet("bound", tuple(b.witness for b in bounded))
    return Facet("exact")


def normaliser(program: Program, found: Summation | None, gaussian: Witness | None) -> Facet:
    """`one` > `summed` > `unknown`."""
    if not program.energies:
        return Facet("one")
    if gaussian is not None:
        return Facet("one", (gaussian,))
    span, sites = program.energies[0].span, energy_variables(program)
    if found is not None:
        return Facet("summed", (Witness("enumeration", summed(found), span),))
    infinite = [v for v in sites if v.type.kind.space != "finite"]
    if infinite:
        first, how = infinite[0], "proved" if normalisable(program) else "assumed"
        known = f"{first.name} is {first.type.kind.space}: its energy has no known integral"
        text = f"{known}, and that it has one is {how}"
    else:
        text = f"the states of {', '.join(v.name for v in sites)} are too many to sum over"
    return Facet("unknown", (Witness("energy", text, span),))


def summed(found: Summation) -> str:
    """What an exact sum costs, for people."""
    what = "joint states" if found.rule == "states" else "entries of transfer matrices"
    return f"a sum over {found.entries} {what}"


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


def draw(program: Program, gaussian: Witness | None) -> Facet:
    """`direct`, `simulated` or `chain`."""
    for v in program.having("data", "latent"):
        if isinstance(v.law, EnergyLaw) and gaussian is None:
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
        # Here an energy is a Gaussian, which is drawn by a map of noise.
        named = v.law is not None and not isinstance(v.law, EnergyLaw)
        if named and gradient_of(v.law) != "pathwise":
            text = f"the draw of {v.name} is discrete, so no gradient passes through it"
            return Facet("no", (Witness("draw", text, v.span),))
    found = program.having("latent", "data")
    for name, place in jumping([v.law for v in found if v.law is not None], program).items():
        if program.variables[name].role in ("latent", "data"):
            text = f"{name} chooses between laws, and a path does not show how often"
            return Facet("no", (Witness("draw", text, place.span),))
    return Facet("yes")

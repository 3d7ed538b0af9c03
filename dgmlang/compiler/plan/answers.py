"""Which questions a model answers, and how: what `explain` prints and queries go by at run time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log2
from typing import Any

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.derive.divergence import estimated
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.derive.remove import BUDGET, states
from dgmlang.compiler.library import library
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.plan.preparation import applied
from dgmlang.compiler.program import Call, EnergyLaw, Program, Repeated, ScoreLaw, Variable
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import arguments, behind, past, reads, walk


def ways_to_log_prob(plan: Plan) -> tuple[str, ...]:
    """The methods of `log_prob` that apply to a model, the default first."""
    facts = plan.facts
    if facts.density.value == "exact":
        if facts.normaliser.value == "unknown":
            return ("exact", "ais") if plan.program.having("given") else ("exact", "ais", "bridge")
        return ("hutchinson", "exact") if estimated(plan.program) else ("exact",)
    if facts.density.value == "bound" and facts.flags["guide_density"]:
        return ("elbo", "iwae", "importance") if facts.flags["weighed"] else ("elbo",)
    if facts.flags["energy"] and without_mean_field(plan.program, facts) is None:
        known = facts.normaliser.value != "unknown"
        return ("meanfield",) if known else ("meanfield", "ais")
    if facts.flags["process"]:
        return ("ode", "vlb") if facts.flags["continuous_process"] else ("vlb",)
    return ()


def without_prior_density(plan: Plan) -> tuple[str, str] | None:
    """A latent left to a bound of which no draw of the prior can be weighed, and why not."""
    program, facts = plan.program, plan.facts
    gone = {r.variable: "summed" if r.over_states else "integrated" for r in facts.removed}
    for latent in (program.variables[b.variable] for b in facts.bounded):
        if isinstance(latent.law, EnergyLaw):
            return latent.name, "an energy has no independent draws"
        for above in (program.variables[name] for name in behind(latent.law, program)):
            if above.name in gone:
                return (
                    latent.name,
                    f"`{above.name}` above it is {gone[above.name]} out",
                )
            if above.type.may_miss:
                return latent.name, f"it reads `{above.name}`, which an example may lack"
    return None


def without_mean_field(program: Program, facts: Facts) -> str | None:
    """Why independent bits and spins do not bound what the latents of an energy leave out."""
    if not facts.bounded:
        return "no latent is left to a bound"
    sites = dict[str, int]()
    for block in facts.blocks:
        for part in block.parts if block.rule == "multilinear" else ():
            sites[part.variable] = sites.get(part.variable, 0) + part.sites
    for latent in program.having("latent"):
        if not isinstance(latent.law, EnergyLaw):
            return f"`{latent.name}` has a law of its own"
        if not latent.type.kind.two_valued:
            return f"`{latent.name}` is of kind {latent.type.kind}, and has more than two values"
        if sites.get(latent.name) != size(latent.type.shape).value:
            return f"the energy is not seen to be of degree one in each site of `{latent.name}`"
    return None


def hidden(facts: Facts) -> bool:
    """Whether the density is known up to its normaliser only."""
    return facts.density.value == "exact" and facts.normaliser.value == "unknown"


def prepared(program: Program) -> Mapping[str, Any]:
    """What the default recipe does to data on their way in."""
    recipe = program.recipes.get("default")
    return {} if recipe is None else recipe.prepare


def dequantised(program: Program) -> bool:
    """Whether the default recipe fills the bins of data, so that log p is a bound of theirs."""
    known, steps = program.having("data"), library().space("prepare")
    names = {v.name for v in known}
    chains = (applied(n, e, known) for n, e in prepared(program).items() if n in names)
    return any(step.name and steps[step.name].has("fills_bins") for c in chains for step in c)


def posterior_kinds(program: Program, facts: Facts) -> dict[str, str]:
    """What `posterior` gives of each latent: `exact`, or `draws`."""
    of_bounded = "draws" if facts.bounded else "exact"
    found = dict[str, str]()
    for r in facts.removed:
        if r.rule == "free energy":
            found[r.variable] = "draws"
        elif r.rule == "change of variables":
            found[r.variable] = "exact"
        elif r.over_states or r.rule == CLOSED_FORM or r.turns:
            found[r.variable] = of_bounded
    return found | dict.fromkeys(program.guide.laws if program.guide else (), "draws")


def unmaximised(program: Program, facts: Facts) -> str | None:
    """A latent of a directed model that no max in place of a sum gives, the data being known."""
    summed = {r.variable for r in facts.removed if r.over_states}
    left = [v.name for v in program.having("latent") if v.name not in summed]
    left += [r.variable for r in facts.removed if r.variable not in summed]
    data = [variable.name for variable in program.having("data")]
    return next(iter(left), None) or (None if summed else next(iter(data), None))


def searched(program: Program, facts: Facts) -> int | None:
    """How many states of an energy a search for its mode looks at; None beyond the budget."""
    own = energy_variables(program)
    bits = {v.name: states(v) for v in own}
    if any(b is None for b in bits.values()):
        return None
    total = sum(b or 0.0 for b in bits.values())
    a_site = {v.name: log2(v.type.kind.levels.value or 1) for v in own if v.type.kind.levels}
    together = [block.parts for block in facts.blocks if block.together]
    gone = [sum(p.sites * a_site[p.variable] for p in parts) for parts in together]
    least = total - max([0.0, *gone])
    return round(2**least) if least <= log2(BUDGET) else None


def greedily(variable: Variable, facts: Facts) -> bool:
    """Whether a variable's levels have an order and its law reads its own past."""
    kind, law = variable.type.kind, variable.law
    ordered = kind.space == "finite" and kind.name != "cat"
    return law is not None and ordered and bool(past(law)) and not facts.removed


def uncodable(program: Program) -> Iterator[tuple[Variable, str]]:
    """The variables whose entries have no conditionals one after the other, and why."""
    for variable in program.having("data", "latent"):
        why = _uncodable(variable)
        if why:
            yield variable, why


def _uncodable(variable: Variable) -> str:
    law = variable.law
    if variable.role == "latent":
        return "it would have to be summed out of every conditional"
    if variable.type.kind.space != "finite" or variable.type.varying:
        return "only finite values, as many in every example, have a code of known length"
    if law is None or isinstance(law, EnergyLaw | ScoreLaw | Repeated):
        return "its law gives no entry after the other; write it with `past`"
    return "it may be missing" if variable.type.may_miss else ""


def incomparable(program: Program) -> Variable | None:
    """A data variable whose examples are no points of one space."""
    data = program.having("data")
    return next((v for v in data if v.type.varying or v.type.may_miss), None)


def classifying(program: Program) -> Call | None:
    """The net below the law of a lone finite data variable, if it reads givens and has layers."""
    data = program.having("data")
    if len(data) != 1 or data[0].type.kind.space != "finite" or data[0].law is None:
        return None
    every = [node for node in walk(*arguments(data[0].law)) if isinstance(node, Call)]
    if len({id(node.call) for node in every}) != 1:
        return None
    call = every[0]
    above = [program.variables[name].role for name in reads(*call.call.args.values())]
    head = next(h for h in program.nets[call.call.net].heads if h.name == call.head)
    known = all(role in ("given", "param", "shared") for role in above)
    return call if known and not head.direct else None


def undiverging(plan: Plan, *, dequantised: bool) -> str | None:
    """Why no divergence from another law of the same data is known; None where one is."""
    facts = plan.facts
    if plan.program.having("given"):
        return "it conditions on givens"
    if facts.density.value != "exact" or facts.normaliser.value == "unknown":
        facet = facts.density if facts.density.value != "exact" else facts.normaliser
        return facet.witnesses[0].text
    return "its data are dequantised, so that log p is a bound" if dequantised else None

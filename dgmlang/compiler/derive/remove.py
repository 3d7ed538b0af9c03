"""Which latents go exactly, by which rule, and which are left to a bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import log2

from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.derive.elimination import RULE, elimination
from dgmlang.compiler.derive.facts import Bounded, Elimination, Removal, Witness
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.derive.gaussian import closed_form
from dgmlang.compiler.derive.rigid import rigid
from dgmlang.compiler.derive.turns import by_turns, kalman
from dgmlang.compiler.program import (
    Apply,
    Call,
    Choose,
    Chosen,
    ComputedLaw,
    EnergyLaw,
    Expr,
    Law,
    Local,
    Marginal,
    Mixture,
    Named,
    Program,
    Pushed,
    Repeated,
    Variable,
    WithinBin,
)
from dgmlang.compiler.types.dims import Dim, size
from dgmlang.compiler.walk import (
    arguments,
    behind,
    conditions,
    entries,
    laws,
    parents,
    reads,
    walk,
)

ENUMERATED = 2**10
"""Joint states of the guide's finite latents that each step of a bound may sum over."""

BUDGET = 2**20
"""Table entries an example that a sum may cost unless raised."""

MIXING = (CLOSED_FORM, "free energy")
"""Rules that make one function of several laws."""


def remove(program: Program) -> tuple[tuple[Removal, ...], tuple[Bounded, ...]]:
    """Apply the rules in their order to every latent that no guide names."""
    guided = set(program.guide.laws) if program.guide else set()
    removed: list[Removal] = []
    left: list[Variable] = []
    # What is missing and nothing else reads goes first: no other rule need know of it.
    for latent in sorted(program.latents, key=lambda v: _leaf(v, program) is None):
        gone = {r.variable for r in removed if r.rule == CLOSED_FORM}
        found = None if latent.name in guided else _rule(latent, gone, program)
        if found is not None:
            removed.append(found)
        else:
            left.append(latent)
    free = [v for v in left if v.name not in guided]
    leaves = {r.variable for r in removed if r.rule == "leaf"}
    turned = by_turns(free, leaves, program, BUDGET)
    taken = {name for r in turned if r.turns for name in r.turns.readers}
    turned += kalman(free, taken, leaves, program)
    removed += turned
    done = {r.variable for r in turned}
    beside = sum({r.turns: r.states for r in turned}.values())
    finite = _finite([v for v in free if v.name not in done], program)
    way = _one_by_one(finite, removed, program)
    summed = _within_budget(finite, beside, way)
    removed += [r for v in left if (r := summed.get(v.name)) is not None]
    left = [v for v in left if v.name not in done]
    rest = [v for v in left if v.name not in summed]
    return tuple(removed), tuple(_bounded(v, program, few(rest), way) for v in rest)


def few(variables: list[Variable]) -> bool:
    """Whether the finite ones among variables have so few states that each step may sum them."""
    finite = [states(v) for v in variables if v.type.kind.space == "finite"]
    return all(c is not None for c in finite) and sum(c or 0.0 for c in finite) <= log2(ENUMERATED)


def _rule(latent: Variable, gone: set[str], program: Program) -> Removal | None:
    """The first rule that applies; those `gone` in closed form go together with this one."""
    if latent.role == "data":
        return _leaf(latent, program)
    return (
        _free_energy(latent, program)
        or _change_of_variables(latent, program)
        or closed_form(latent, gone, program)
    )


def _leaf(missing: Variable, program: Program) -> Removal | None:
    """A missing variable that nothing else reads: its law integrates to one.

    Entries that are missing one by one go alone, where the law draws them independently. A single
    finite site is left to the sum over its table, which costs no more.
    """
    law, finite = missing.law, missing.type.kind.space == "finite"
    if missing.role != "data" or not missing.type.may_miss:
        return None
    if any(missing.name in parents(v.law) for v in program.variables.values()):
        return None
    apart = missing.type.entry_optional and not missing.type.together
    alone = bool(entries(law)) and all(entrywise(e) or _one(e, apart=apart) for e in entries(law))
    if not alone or (finite and size(missing.type.shape) == Dim.of(1)):
        return None
    text = f"nothing reads {missing.name}, so it integrates to one where it is missing"
    return Removal(missing.name, "leaf", Witness("leaf", text, missing.span))


def _one(law: Law, *, apart: bool) -> bool:
    """Whether what a law draws may only be missing together: all of it, or a single entry."""
    whole = isinstance(law, Named | Pushed | Mixture | Chosen)
    return whole and not (apart and law.type.array_shape)


def entrywise(law: Law) -> bool:
    """Whether the law draws entries independently: one value of a distribution is one entry."""
    if isinstance(law, Chosen):
        return entrywise(law.then) and entrywise(law.otherwise)
    if not isinstance(law, Named) or law.type.kind.inner:
        return False
    return law.extern.type is not None and not law.extern.type.shape


def _change_of_variables(latent: Variable, program: Program) -> Removal | None:
    """X = chain(z) with a chain of bijections."""
    for data in program.having("data"):
        law = data.law
        if isinstance(law, ComputedLaw) and law.chain is not None and law.latent == latent.name:
            text = f"{data.name} is an invertible function of {latent.name}"
            rule = "change of variables"
            return Removal(latent.name, rule, Witness(rule, text, data.span))
    return None


def _free_energy(latent: Variable, program: Program) -> Removal | None:
    """Finite sites that the energy is affine in, as a whole array."""
    if not isinstance(latent.law, EnergyLaw) or not latent.type.kind.two_valued:
        return None
    worst = max(degree(e, {latent.name}, program.nets) for e in program.energies)
    others = [v for v in program.having("latent") if v is not latent]
    below = (parents(v.law) for v in program.variables.values())
    if worst > 1 or any(isinstance(v.law, EnergyLaw) for v in others):
        return None
    if any(latent.name in read for read in below):
        return None  # a directed law below is a factor that the energy does not show
    text = f"every energy is affine in {latent.name}, so its sum is a softplus a site"
    return Removal(latent.name, "free energy", Witness("free energy", text, latent.span))


def _finite(latents: Sequence[Variable], program: Program) -> list[Variable]:
    """Those that are summed over, where they have a known number of states."""
    finite = [v for v in latents if v.type.kind.space == "finite" and _summable(v, program)]
    return finite if all(states(v) is not None for v in finite) else []


def _bits(finite: Sequence[Variable]) -> float:
    """log₂ of how many joint states finite variables have."""
    return sum(states(v) or 0.0 for v in finite)


def _one_by_one(
    finite: Sequence[Variable], removed: Sequence[Removal], program: Program
) -> Elimination | None:
    """How latents of many joint states go one after the other.

    What is removed before them must leave the laws that read them as they are.
    """
    if _bits(finite) <= log2(ENUMERATED) or any(r.rule in MIXING for r in removed):
        return None
    others = {name for r in removed if r.turns for name in r.turns.readers}
    return elimination(finite, {v.name: _bits([v]) for v in finite}, others, program)


def _within_budget(
    finite: Sequence[Variable], beside: int, way: Elimination | None
) -> dict[str, Removal]:
    """Finite directed latents that can be summed over within the budget.

    At once, `beside` table entries being looked at in each joint state, or the other way where that
    costs less.
    """
    bits = _bits(finite)
    # The tables of the single laws come on top of that of the joint states.
    within = bits + log2(max(beside, 1)) < log2(BUDGET)
    if way is not None and way.entries <= (2**bits if within else BUDGET):
        return _eliminated(finite, way)
    if not within:
        return {}
    joint = round(2**bits)
    text = f"{joint} joint states, summed out (budget {BUDGET})"
    return {v.name: Removal(v.name, "sum", Witness("sum", text, v.span), joint) for v in finite}


def _eliminated(finite: Sequence[Variable], way: Elimination) -> dict[str, Removal]:
    text = f"summed out one after the other; {way.entries} table entries (budget {BUDGET})"
    return {
        v.name: Removal(v.name, RULE, Witness(RULE, text, v.span), way.entries, elimination=way)
        for v in finite
    }


def _summable(latent: Variable, program: Program) -> bool:
    """Whether a sum serves: of an energy's latents, where its other variables have no conditionals.

    Elsewhere Gibbs blocks draw an energy's latents, which costs less than their sum.
    """
    if not isinstance(latent.law, EnergyLaw):
        return True
    sites = [v for v in program.having("data", "latent") if isinstance(v.law, EnergyLaw)]
    return few(sites) and any(v.type.kind.space != "finite" for v in sites)


def states(variable: Variable) -> float | None:
    """log₂ of how many states a finite variable has; None where a dimension is open."""
    levels, sites = variable.type.kind.levels, size(variable.type.shape).value
    if levels is None or levels.value is None or sites is None:
        return None
    return sites * log2(levels.value)


def _bounded(latent: Variable, program: Program, few: bool, way: Elimination | None) -> Bounded:
    law = program.guide.laws.get(latent.name) if program.guide else None
    gradient = gradient_of(law if law is not None else latent.law)
    if latent.name in jumping(laws(program), program):
        gradient = "reinforce"  # a path of the draw does not show how often the law changes
    if few and law is not None and latent.type.kind.space == "finite":
        gradient = "enumerate"
    if latent.type.kind.space == "finite":
        bits = states(latent)
        text = (
            f"{latent.name} is finite, with 2^{bits:.0f} states"
            if bits
            else f"{latent.name} is finite"
        )
        if way is not None and len(way.order) > 1 and latent.name in way.order:
            cost = str(way.entries) if way.entries < 2**40 else f"2^{log2(way.entries):.0f}"
            text += f"; one after the other all take {cost} table entries (budget {BUDGET})"
    elif law is not None and _rule(latent, set(), program) is not None:
        text = f"the guide names {latent.name}, so it is bounded"
    else:
        text = f"{latent.name} is continuous, and its integral has no closed form here"
    stiff = rigid(latent, program) if latent.type.kind.space == "finite" else None
    return Bounded(latent.name, gradient, Witness("bound", text, latent.span), stiff)


def jumping(found: Iterable[Law], program: Program) -> dict[str, Expr]:
    """The variables at some of whose values laws jump, through what is computed of them.

    They decide between laws, or between expressions, or are compared. Whether two branches meet is
    not looked at, so that a kink counts as a jump.
    """
    found = tuple(found)
    tests = [test for law in found for test in conditions(law)]
    names = reads(*tests, *_switches([e for law in found for e in arguments(law)], program))
    for name in (todo := list(names)):
        law = program.variables[name].law
        if isinstance(law, ComputedLaw) or program.variables[name].role == "state":
            new = {n: place for n, place in behind(law, program).items() if n not in names}
            names |= new
            todo += new
    return names


def _switches(roots: Iterable[Expr], program: Program) -> Iterator[Expr]:
    """What is compared, or decides between expressions, at or below the roots and in their nets."""
    for node in walk(*roots):
        if isinstance(node, Choose):
            yield node.test
        elif isinstance(node, Call):
            body = program.nets[node.call.net].body
            if any(isinstance(n, Local) for s in _switches((body,), program) for n in walk(s)):
                yield from node.call.args.values()
        elif isinstance(node, Apply) and node.type.kind.space == "finite":
            known = node.extern.has("presence")
            yield from (a for a in node.args if a.type.kind.space == "continuous" and not known)


def gradient_of(law: Law | None) -> str:
    """How gradients pass through a draw from a law: `pathwise` or `reinforce`."""
    match law:
        case Named():
            return "pathwise" if law.extern.has("reparameterised") else "reinforce"
        case Pushed():
            return gradient_of(law.base)
        case Mixture():
            return "reinforce"
        case Chosen():
            both = {gradient_of(law.then), gradient_of(law.otherwise)}
            return "pathwise" if both == {"pathwise"} else "reinforce"
        case WithinBin(place=Law() as place):
            return gradient_of(place)
        case Marginal(program=program):
            return _gradient_within(program)
        case ComputedLaw() | WithinBin():
            return "pathwise"
        case Repeated():
            found = {gradient_of(entry) for entry in entries(law)}
            return found.pop() if len(found) == 1 else "reinforce"
    return "reinforce"


def _gradient_within(program: Program) -> str:
    """How gradients pass through a draw of a whole model."""
    found = [v.law for v in program.having("latent", "data") if v.law is not None]
    moved = {v.name for v in program.having("latent", "data")}
    paths = all(gradient_of(law) == "pathwise" for law in found)
    return "pathwise" if paths and not moved & jumping(found, program).keys() else "reinforce"

"""In which order finite latents of a network are summed out, and what that costs.

Each law is a table over the latents that it reads. Summing one out multiplies the tables that hold
it, so what counts is how many latents meet in one table. The order is greedy: always the latent
whose removal joins the fewest pairs of its neighbours, of those the one with the smallest table.

Source: Dechter 1999, Bucket elimination, sec. 4; min-fill as in Koller & Friedman 2009, alg. 9.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import combinations

from dgmlang.compiler.derive.facts import Elimination
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Law, Program, Variable
from dgmlang.compiler.walk import behind

RULE = "elimination"


def elimination(
    latents: Sequence[Variable], states: Mapping[str, float], others: Set[str], program: Program
) -> Elimination | None:
    """The order of these finite latents; None where their density is no product of such tables.

    Args:
        latents: What is summed out.
        states: The logarithm, to base 2, of how many states each has.
        others: Variables whose laws another sum has taken.
        program: The program.
    """
    scopes = _scopes(latents, others, program)
    if scopes is None:
        return None
    bits = {v.name: states[v.name] for v in latents}
    order, entries = _order([frozenset(scope) for scope in scopes.values()], bits)
    return Elimination(order, scopes, entries)


def _scopes(
    latents: Sequence[Variable], others: Set[str], program: Program
) -> dict[str, tuple[str, ...]] | None:
    """For each law that reads some of the latents, or is the law of one: which."""
    names = [v.name for v in latents]
    found: dict[str, tuple[str, ...]] = {}
    for variable in program.variables.values():
        law = variable.law
        if law is None or variable.role == "state":
            continue
        held = {*behind(law, program), variable.name} & set(names)
        if held and (variable.name in others or not _plain(variable, law)):
            return None
        if held:
            found[variable.name] = tuple(n for n in names if n in held)
    return found


def _plain(variable: Variable, law: Law) -> bool:
    """Whether a variable's law is a factor by itself, which no other rule rewrites."""
    return not isinstance(law, ComputedLaw | EnergyLaw) and not variable.type.varying


def _order(
    scopes: Sequence[frozenset[str]], bits: Mapping[str, float]
) -> tuple[tuple[str, ...], int]:
    """The order, and how many table entries are looked at along it."""
    beside = {name: {n for s in scopes if name in s for n in s} - {name} for name in bits}
    order: list[str] = []
    # Beyond any budget the exact count does not matter, and would not fit a float.
    entries = sum(_entries(scope, bits) for scope in scopes)
    while beside:
        name = min(beside, key=lambda n: (_fill(n, beside), sum(bits[b] for b in beside[n])))
        near = beside.pop(name)
        entries += _entries({name, *near}, bits)
        for one in near:
            beside[one] = (beside[one] | near) - {one, name}
        order.append(name)
    return tuple(order), entries


def _fill(name: str, beside: Mapping[str, set[str]]) -> int:
    """How many pairs of neighbours are not neighbours yet."""
    return sum(b not in beside[a] for a, b in combinations(beside[name], 2))


def _entries(scope: frozenset[str] | set[str], bits: Mapping[str, float]) -> int:
    return round(2 ** min(sum(bits[name] for name in scope), 100.0))

"""Finite latents of loops that are summed out turn by turn.

Where every law that reads them reads them at its own turn, the joint density is a product over
turns given the rest, and the sum is one of K states a turn (a plate). Where they are read up to
`lag` turns back along one loop, the forward algorithm sums them: K^(lag + 1) entries a turn.
Source: Rabiner 1989, eqs. 18-21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from math import prod

from dgmlang.compiler.derive.facts import Removal, Turns, Witness
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.derive.gaussian import affine_gaussian
from dgmlang.compiler.program import Law, Program, Repeated, Variable
from dgmlang.compiler.types.dependence import Dependence, dependences
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import entries, reads


def by_turns(
    latents: Sequence[Variable], leaves: Set[str], program: Program, budget: int
) -> tuple[Removal, ...]:
    """The removal of each of these latents that can be summed turn by turn within the budget.

    Data that may be missing are latents too; of those an example holds one state counts. What is
    missing of `leaves` counts nothing.
    """
    finite = {v.name: v for v in latents if v.type.kind.space == "finite" and _looped(v.law)}
    readers = _readers(finite, program)
    return tuple(
        removal
        for group in _groups(finite, readers)
        for removal in _removals(group, readers, leaves, program, budget)
    )


def kalman(
    latents: Sequence[Variable], taken: Set[str], leaves: Set[str], program: Program
) -> tuple[Removal, ...]:
    """The removal of each of these latents that are a linear-Gaussian chain.

    Each law that reads one is Gaussian, its location affine in this turn's and the last one's, and
    its scale free of them; none of them is `taken` by another sum. What is missing of `leaves`
    counts nothing.
    Source: Kalman 1960; Rauch, Tung & Striebel 1965.
    """
    reals = [v for v in latents if v.role == "latent" and v.type.kind.name == "real"]
    found = {v.name: v for v in reals if _looped(v.law)}
    readers = _readers(found, program)
    return tuple(
        removal
        for group in _groups(found, readers)
        for removal in _integrated(group, readers, taken, leaves, program)
    )


def _integrated(
    group: tuple[str, ...],
    readers: Mapping[str, Sequence[Dependence]],
    taken: Set[str],
    leaves: Set[str],
    program: Program,
) -> Iterator[Removal]:
    touching = tuple(n for n, read in readers.items() if n in group or _reads(read, group))
    variables = [program.variables[name] for name in touching]
    laws = {v.name: v.law for v in variables if v.law is not None}
    if _lags([d for n in touching for d in readers[n] if d.read in group]) != (1,):
        return
    whole = {_stops(laws[name]) for name in touching}
    whole_values = all(not v.type.may_miss or v.name in leaves for v in variables)
    plain = whole_values and all(v.role != "state" and not v.type.varying for v in variables)
    if len(whole) != 1 or None in whole or not plain or taken & set(touching):
        return
    if set(group) & set(reads(*program.energies)):
        return
    if not all(affine_gaussian(e, set(group), program) for v in variables for e in entries(v.law)):
        return
    turns = Turns(group, touching, 0, 1, gaussian=True)
    law = laws[group[0]]
    assert isinstance(law, Repeated)
    text = f"a linear-Gaussian chain along {law.loops[0].index}, by a Kalman scan"
    for name in group:
        yield Removal(name, CLOSED_FORM, Witness(CLOSED_FORM, text, program.variables[name].span),
                      turns=turns)  # fmt: skip


def _looped(law: Law | None) -> bool:
    return isinstance(law, Repeated)


def _readers(latents: Mapping[str, Variable], program: Program) -> dict[str, Sequence[Dependence]]:
    """How each law that reads one of these latents, or is the law of one, reads them."""
    laws = {v.name: v.law for v in program.variables.values() if v.law is not None}
    read = {
        n: [d for d in dependences(n, law, laws) if d.read in latents] for n, law in laws.items()
    }
    return {name: found for name, found in read.items() if found or name in latents}


def _groups(
    finite: Mapping[str, Variable], readers: Mapping[str, Sequence[Dependence]]
) -> list[tuple[str, ...]]:
    """Latents that some law holds together, those of one group to be summed jointly."""
    groups = [{name} for name in finite]
    for reader, found in readers.items():
        held = {d.read for d in found} | ({reader} & set(finite))
        joined = [g for g in groups if g & held]
        groups = [g for g in groups if not g & held] + [set[str]().union(*joined)]
    return [tuple(n for n in finite if n in group) for group in groups]


def _removals(
    group: tuple[str, ...],
    readers: Mapping[str, Sequence[Dependence]],
    leaves: Set[str],
    program: Program,
    budget: int,
) -> Iterator[Removal]:
    laws = {v.name: v.law for v in program.variables.values() if v.law is not None}
    touching = tuple(n for n, found in readers.items() if n in group or _reads(found, group))
    lags = _lags([d for n in touching for d in readers[n] if d.read in group])
    shapes = {_stops(laws[n]) for n in touching}
    others = [program.variables[n] for n in touching if n not in {*group, *leaves}]
    if any(v.type.may_miss or v.role == "state" for v in others):
        return  # a reader that rests on more than the states of a few turns
    if lags is None or len(shapes) != 1 or None in shapes or sum(lag > 0 for lag in lags) > 1:
        return
    lag = max(lags, default=0)
    axis = lags.index(lag) if lag else 0
    entries = _entries([program.variables[n] for n in group], laws[group[0]], lag)
    if entries is not None and entries > budget:
        return
    rule = "forward" if lag else "sum"
    turns = Turns(group, touching, axis, lag)
    text = _words(turns, laws[group[0]], entries, budget)
    for name in group:
        witness = Witness(rule, text, program.variables[name].span)
        yield Removal(name, rule, witness, entries or 0, turns)


def _reads(found: Sequence[Dependence], group: tuple[str, ...]) -> bool:
    return any(d.read in group for d in found)


def _lags(found: Sequence[Dependence]) -> tuple[int, ...] | None:
    """The furthest read along each loop; None where some read is not a fixed way back."""
    if any(lag is None or lag.prefix for d in found for lag in d.lags):
        return None
    rows = [[lag.least for lag in d.lags if lag is not None] for d in found]
    return tuple(max(column) for column in zip(*rows, strict=False))


def _stops(law: Law) -> object:
    return tuple(loop.stop for loop in law.loops) if isinstance(law, Repeated) else None


def _entries(group: Sequence[Variable], law: Law, lag: int) -> int | None:
    """How many table entries the sum runs over; None while a dimension is open."""
    assert isinstance(law, Repeated)
    states = [_states(v, len(law.loops)) for v in group]
    turns = size(tuple(loop.stop for loop in law.loops)).value
    if turns is None or any(s is None for s in states):
        return None
    return turns * prod(s for s in states if s is not None) ** (lag + 1)


def _states(variable: Variable, depth: int) -> int | None:
    """How many values one entry of a variable in `depth` loops has."""
    levels, sites = variable.type.kind.levels, size(variable.type.shape[depth:]).value
    if levels is None or levels.value is None or sites is None:
        return None
    return levels.value**sites


def _words(turns: Turns, law: Law, entries: int | None, budget: int) -> str:
    assert isinstance(law, Repeated)
    index = law.loops[turns.axis].index
    if turns.lag:
        far = f"{index} - {turns.lag}"
        how = f"a chain along {index}, read back to {far}"
    else:
        how = "each turn of the loop stands alone given the rest"
    cost = f"; {entries} table entries (budget {budget})" if entries is not None else ""
    return how + cost

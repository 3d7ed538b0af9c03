"""How the law of some variables, or of some of their entries, given others goes: a program anew.

What is known are data of that program. What is not known is

- a latent, where a rule removed it already,
- a *leaf*: entries that the law draws independently and that nothing reads integrate to one,
- data that are looked for: finite sites by a table of their joint states, reals that are jointly
  Gaussian in each of these by their expansion, and all others by a chain.

So one density, exact up to a constant, serves probabilities, means and draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from math import log2, prod

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.derive.gaussian import closed_form
from dgmlang.compiler.derive.remove import BUDGET, states
from dgmlang.compiler.diagnostics.codes import conditionals as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.program import ComputedLaw, Program, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Type
from dgmlang.model import Model
from dgmlang.samplers.sampler import AbstractSampler

IN_ALL = 2**24
"""Table entries of all examples together: a chain costs less than more of them."""

LARGEST = 256
"""Reals whose joint covariance is built; more of them are drawn one by one where they can be."""


@dataclass(frozen=True, eq=False)
class Conditional:
    """The program anew, and how what is looked for goes.

    Attributes:
        lowered: Its functions; what is known is among its data.
        leaves: Data of which entries may be NaN: they are drawn last, from their laws.
        free: Data that are looked for.
        finite: Variables of whose joint states a table is made, latents among them.
        reals: Variables that are jointly Gaussian in each state, latents among them.
    """

    lowered: Lowered
    leaves: tuple[str, ...]
    free: tuple[str, ...]
    finite: tuple[str, ...]
    reals: tuple[str, ...]

    @property
    def tabled(self) -> bool:
        """Whether a table and Gaussians cover all that is looked for, if it is not too large."""
        return {*self.free} <= {*self.finite, *self.reals}

    @cached_property
    def samplers(self) -> dict[str, AbstractSampler]:
        """The chains built so far, by their text: a second call compiles nothing."""
        return {}

    def variable(self, name: str) -> Variable:
        """One of the new program's."""
        return self.lowered.program.variables[name]

    def levels(self, name: str) -> int:
        """How many levels a finite variable has."""
        return len(choices(self.variable(name).type.kind))

    def size(self, name: str) -> int:
        """How many numbers a variable has."""
        return prod(numbers(self.variable(name).type.array_shape))

    def fits(self, missing: dict[str, int], n: int) -> bool:
        """Whether tables of n examples, with so many missing entries, are within the budget."""
        bits = sum(missing.get(n, self.size(n)) * log2(self.levels(n)) for n in self.finite)
        bits += 2 * log2(max(1, sum(map(self.size, self.reals))))
        return self.tabled and bits <= log2(BUDGET) and bits + log2(n) <= log2(IN_ALL)


def conditional(
    model: Model,
    unknown: Set[str],
    known: Set[str],
    asked: Set[str] = frozenset(),
    *,
    joint: bool = False,
) -> Conditional:
    """The way to the law of what is not known.

    Args:
        model: Whose law it is.
        unknown: The data that are missing in whole or in part.
        known: The latents that are given.
        asked: The latents whose law is asked for.
        joint: Whether draws are wanted: latents that are summed turn by turn are then looked for.

    Raises:
        DgmError: DGM0851 where that law has no density.
    """
    cache = model.__dict__.setdefault("_conditionals", {})
    key = (frozenset(unknown), frozenset(known), frozenset(asked), joint)
    if key not in cache:
        cache[key] = _conditional(model, *key)
    return cache[key]


def _conditional(
    model: Model, unknown: Set[str], known: Set[str], asked: Set[str], joint: bool
) -> Conditional:
    removed = {r.variable for r in model.plan.facts.marginalised if not (joint and r.turns)}
    program = _anew(model.plan.program, removed - known - asked, known | asked)
    wanted = {n for n in unknown | asked if program.variables[n].role == "data"}
    wanted |= {
        v.name
        for v in program.having("data")
        if model.plan.program.variables[v.name].role == "latent" and v.name not in known
    }
    program, leaves = _with_leaves(program, wanted)
    facts = derive(program)
    _require_density(program, facts, wanted)
    free = tuple(v.name for v in program.having("data") if v.name in wanted - leaves)
    finite, reals = _split(program, facts, free)
    lowered = lower(program, facts, model.precision, model.nets)
    return Conditional(lowered, tuple(sorted(leaves)), free, finite, reals)


def _anew(program: Program, removed: Set[str], wanted: Set[str]) -> Program:
    """Data in the place of latents that are given, are asked for, or that no rule removes."""

    def new(v: Variable) -> Variable:
        stays = v.name in removed or (isinstance(v.law, ComputedLaw) and v.name not in wanted)
        role = "data" if v.role == "latent" and not stays else v.role
        kept = v.role not in ("data", "latent") or v.type.varying
        return replace(v, role=role, type=v.type if kept else v.type.present)

    variables = {name: new(v) for name, v in program.variables.items()}
    return replace(program, variables=variables, guide=None, critic=None, noise={}, recipes={})


def _with_leaves(program: Program, wanted: Set[str]) -> tuple[Program, set[str]]:
    """The program with entries of leaves optional; Gaussians of a moderate number are none."""
    rest = _jointly_gaussian(program, derive(program), wanted)
    may = {n for n in wanted - rest if not program.variables[n].type.varying}
    types = {n: replace(program.variables[n].type, entry_optional=True) for n in may}
    loose = _typed(program, types)
    leaves = {r.variable for r in derive(loose).removed if r.rule == "leaf"} & may
    return _typed(program, {n: types[n] for n in leaves}), leaves


def _typed(program: Program, types: Mapping[str, Type]) -> Program:
    variables = {
        n: replace(v, type=types[n]) if n in types else v for n, v in program.variables.items()
    }
    return replace(program, variables=variables)


def _jointly_gaussian(program: Program, facts: Facts, wanted: Set[str]) -> set[str]:
    """The reals that are looked for, where they are Gaussian given all else, and not too many."""
    data = [program.variables[n] for n in sorted(wanted)]
    reals = [v for v in data if v.type.kind.space == "continuous"]
    gone = {r.variable for r in facts.removed if r.rule == CLOSED_FORM}
    others = {r.rule for r in facts.removed if r.rule not in (CLOSED_FORM, "sum") or r.turns}
    group = {v.name for v in reals} | gone
    count = sum(prod(numbers(program.variables[n].type.array_shape)) for n in group)
    if not reals or others or count > LARGEST:
        return set()
    proof = closed_form(reals[0], group - {reals[0].name}, program)
    return {v.name for v in reals} if proof is not None else set()


def _split(
    program: Program, facts: Facts, free: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is in the table, and what is Gaussian in its states."""
    finite = [n for n in free if states(program.variables[n]) is not None]
    reals = _jointly_gaussian(program, facts, set(free))
    if not reals:
        return tuple(finite), ()
    summed = [r.variable for r in facts.removed if r.rule == "sum"]
    gone = [r.variable for r in facts.removed if r.rule == CLOSED_FORM]
    return (*finite, *summed), (*(n for n in free if n in reals), *gone)


def _require_density(program: Program, facts: Facts, wanted: Set[str]) -> None:
    if facts.density.value == "exact":
        return
    name = next((v.name for v in program.having("data") if v.name in wanted), program.name)
    span = program.variables[name].span if name in program.variables else program.span
    raise DgmError(codes.no_conditional(span, name, facts.density.witnesses[0].text))

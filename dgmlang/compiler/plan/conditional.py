"""How the law of some variables, or of some of their entries, given others goes: a program anew.

What is known are data of that program. What is not known is

- a latent, where a rule removed it already,
- a *leaf*: entries that the law draws independently and that nothing reads integrate to one,
- data that are looked for: finite sites by a table of their joint states, reals that are jointly
  Gaussian in each of these by their expansion, and all others by a chain.

So one density, exact up to a constant, serves probabilities, means and draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import log2, prod

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.facts import Facet, Facts, Removal, Witness
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.derive.gaussian import closed_form
from dgmlang.compiler.derive.remove import BUDGET, states
from dgmlang.compiler.diagnostics.codes import conditionals as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import Method, Written, sampler
from dgmlang.compiler.plan.plan import plan
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Program, ScoreLaw, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.walk import parents, past

IN_ALL = 2**24
"""Table entries of all examples together: a chain costs less than more of them."""

LARGEST = 256
"""Reals whose joint covariance is built; more of them are drawn one by one where they can be."""


@dataclass(frozen=True, eq=False)
class AbstractSplit:
    """The program anew, and how what is looked for goes.

    Attributes:
        program: What is known is among its data.
        facts: Of that program.
        leaves: Data of which entries may be NaN: they are drawn last, from their laws.
        free: Data that are looked for.
        finite: Variables of whose joint states a table is made, latents among them.
        reals: Variables that are jointly Gaussian in each state, latents among them.
    """

    program: Program
    facts: Facts
    leaves: tuple[str, ...]
    free: tuple[str, ...]
    finite: tuple[str, ...]
    reals: tuple[str, ...]

    @property
    def tabled(self) -> bool:
        """Whether a table and Gaussians cover all that is looked for, if it is not too large."""
        return {*self.free} <= {*self.finite, *self.reals}

    def variable(self, name: str) -> Variable:
        """One of the new program's."""
        return self.program.variables[name]

    def levels(self, name: str) -> int:
        """How many levels a finite variable has."""
        levels = self.variable(name).type.kind.levels
        assert levels is not None
        return numbers((levels,))[0]

    def size(self, name: str) -> int:
        """How many numbers a variable has."""
        return prod(numbers(self.variable(name).type.array_shape))

    def fits(self, missing: Mapping[str, int], n: int) -> bool:
        """Whether tables of n examples, with so many missing entries, are within the budget."""
        bits = sum(missing.get(n, self.size(n)) * log2(self.levels(n)) for n in self.finite)
        bits += 2 * log2(max(1, sum(map(self.size, self.reals))))
        return self.tabled and bits <= log2(BUDGET) and bits + log2(n) <= log2(IN_ALL)

    def exactly(self, name: str, missing: Mapping[str, int], n: int) -> str | None:
        """How the law of one variable is exact: by `levels`, a `table`, `moments`; or None."""
        if not self.fits(missing, n):
            return None
        if name in self.leaves and self.variable(name).type.kind.space == "finite":
            return "levels"
        if name in self.finite:
            return "table"
        return "moments" if name in self.reals else None


@dataclass(frozen=True, eq=False)
class Split(AbstractSplit):
    """What is decided of a conditional law, before any of it is computed."""


def split(
    program: Program,
    marginalised: Sequence[Removal],
    unknown: Set[str],
    known: Set[str],
    asked: Set[str] = frozenset(),
    *,
    joint: bool = False,
) -> Split:
    """The way to the law of what is not known.

    Args:
        program: Whose law it is, without open dimensions.
        marginalised: Its latents that rules remove where no guide holds them.
        unknown: The data that are missing in whole or in part.
        known: The latents that are given.
        asked: The latents whose law is asked for.
        joint: Whether draws are wanted: latents that are summed turn by turn are then looked for.

    Raises:
        DgmError: DGM0851 where that law has no density.
    """
    removed = {r.variable for r in marginalised if not (joint and r.turns)}
    anew = _anew(program, removed - known - asked, known | asked)
    wanted = {n for n in unknown | asked if anew.variables[n].role == "data"}
    wanted |= {
        v.name
        for v in anew.having("data")
        if program.variables[v.name].role == "latent" and v.name not in known
    }
    anew, leaves = _with_leaves(anew, wanted)
    facts = derive(anew)
    _require_density(anew, facts, wanted)
    free = tuple(v.name for v in anew.having("data") if v.name in wanted - leaves)
    finite, reals = _finite_and_reals(anew, facts, free)
    return Split(anew, facts, tuple(sorted(leaves)), free, finite, reals)


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


def _finite_and_reals(
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


# ── draws ────────────────────────────────────────────────────────────────────────────────────────


def goes_on(how: AbstractSplit) -> str | None:
    """The only variable that is looked for, where an autoregression goes on from its first entries.

    Nothing else may read it or be removed: what is known of it then says all that there is to know.
    """
    if len(how.free) != 1 or any(r.rule != "leaf" for r in how.facts.removed):
        return None
    (name,) = how.free
    variable, law = how.variable(name), how.variable(name).law
    others = (v for v in how.program.variables.values() if v.name not in (name, *how.leaves))
    below = any(name in parents(v.law) for v in others)
    if below or variable.type.varying or variable.type.kind.inner:
        return None
    drawn = None if isinstance(law, EnergyLaw | ScoreLaw) else law
    return name if drawn is not None and past(drawn) else None


def chain(how: AbstractSplit, written: Written | None = None) -> Method:
    """The chain that is named, or one that explain names, of a density up to a constant."""
    facts = how.facts
    spaces = {how.variable(n).type.kind.space for n in how.free}
    space = spaces.pop() if len(spaces) == 1 else "mixed"
    score = "exact" if space == "continuous" else "none"
    flags = {**facts.flags, "energy": True, "inner": False}
    span = how.variable(how.free[0]).span
    given = Witness("given", "values are given that a draw would not look back from", span)
    own = replace(
        facts, flags=flags, space=Facet(space), score=Facet(score), in_chains=(),
        draw=Facet("chain", (given,)),
    )  # fmt: skip
    decided = plan(how.program, own)
    default = decided.default_sampler
    if not facts.flags["energy"]:
        default = "hmc" if space == "continuous" else "mh"
    return sampler(decided, written or default)

"""A program as functions of arrays: what objectives, samplers and queries are written against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import jax
import numpy as np
from jax import Array

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.divergence import vector_fields
from dgmlang.compiler.derive.facts import Block, Facts
from dgmlang.compiler.derive.inner import inner
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower import by_class, gibbs, guide, initial, joint, noise, paths, remove
from dgmlang.compiler.lower import draw as drawing
from dgmlang.compiler.lower import score as scoring
from dgmlang.compiler.lower.built import Built, build
from dgmlang.compiler.lower.checks import Fault, Unsettled, blame, has_nan, watchable
from dgmlang.compiler.lower.critic import critic
from dgmlang.compiler.lower.domains import unconstrain
from dgmlang.compiler.lower.evaluate import constrained, evaluation
from dgmlang.compiler.lower.guide import Guided, Soft
from dgmlang.compiler.lower.outside import passed
from dgmlang.compiler.program import Expr, Program, Variable
from dgmlang.compiler.types.lengths import owners
from dgmlang.objectives.objective import Params, Values
from dgmlang.processes.process import AbstractProcess
from dgmlang.solvers.solving import Evaluations

T = TypeVar("T")


def lower(
    program: Program,
    facts: Facts,
    precision: str = "float32",
    nets: Mapping[str, Any] | None = None,
) -> Lowered:
    """The functions of an instantiated program; it has no open dimensions.

    `nets` are what Python passes for its `extern net`s (DGM0440, DGM0442).
    """
    return Lowered(build(program, facts, precision, passed(program, nets or {})))


@partial(jax.jit, static_argnums=(0, 3))
def law_values(lowered: Lowered, params: Params, values: Values, guide: bool) -> list[Any]:
    """What the laws are made of (`guide`: the guide's), at drawn values with a leading axis."""

    def one(values: Values) -> list[Any]:
        return joint.law_values(lowered.built, params, values, guide)

    return jax.vmap(one)(values)


@dataclass(frozen=True, eq=False)
class Lowered:
    """Pure functions of one example, to be mapped, differentiated and compiled by the caller.

    `params` are as stored (params of constrained kinds on the real line); `values` map a
    variable's name to an array of its declared shape, with all givens in them.
    """

    built: Built

    # ── what is there ────────────────────────────────────────────────────────────────────────────

    @property
    def program(self) -> Program:
        return self.built.program

    @property
    def facts(self) -> Facts:
        return self.built.facts

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The top-level names of the parameters."""
        return tuple(self.init(0, None))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The Gibbs blocks."""
        return self.facts.blocks

    @property
    def process(self) -> AbstractProcess | None:
        """The forward noising process of `score x at t under …`."""
        return self.built.process

    @property
    def score_variable(self) -> str | None:
        """The variable whose law is by a score."""
        return None if self.built.score is None else self.built.score[0]

    @cached_property
    def unguided(self) -> Lowered:
        """The same as if nothing had a guide: all latents that can go exactly do."""
        facts = self.facts
        if facts.removed == facts.marginalised:
            return self
        alone = replace(facts, removed=facts.marginalised, bounded=(), density=facts.marginal)
        return Lowered(replace(self.built, facts=alone))

    def beside(self, givens: Mapping[str, Variable]) -> Lowered:
        """The same with more givens, which expressions may read."""
        variables = {**self.program.variables, **givens}
        program = replace(self.program, variables=variables)
        return Lowered(replace(self.built, program=program, lengths=owners(program)))

    @cached_property
    def chained(self) -> Lowered:
        """The same with the finite data of an energy summed out, as chains see the others."""
        facts = self.facts
        if not facts.in_chains:
            return self
        gone = replace(facts, removed=(*facts.removed, *facts.in_chains))
        return Lowered(replace(self.built, facts=gone))

    @cached_property
    def inner(self) -> Lowered | None:
        """The law of latents by an energy or a score as a model, whose data they are."""
        program = inner(self.program, self.facts.gaussian is not None)
        if program is None:
            return None
        own = build(program, derive(program), self.built.precision)
        return Lowered(replace(own, watch=self.built.watch))

    def solved(self, **how: Any) -> Lowered:
        """The same with differential equations in flows solved in another way, as in `Solving`."""
        return Lowered(replace(self.built, solving=replace(self.built.solving, **how)))

    @cached_property
    def counted(self) -> Lowered:
        """The same, with how often vector fields are evaluated noted, if there are any."""
        if not vector_fields(self.program):
            return self
        return self.solved(noted=Evaluations())

    # ── run-time checks ──────────────────────────────────────────────────────────────────────────

    def fault(self, run: Callable[[Lowered], Any]) -> Fault | Unsettled | None:
        """The run-time check that is to blame for a NaN in what `run` yields, if one is.

        It runs again, with other lowered models, so it must take everything from its argument.
        """
        if not watchable(self.built):
            return None
        return blame(self.built, lambda built: run(Lowered(built)))

    def sound(self, run: Callable[[Lowered], T]) -> T:
        """What `run` yields for this model (DGM0715, DGM0726 where a check failed in it)."""
        found = run(self)
        fault = self.fault(run) if has_nan(found) else None
        if fault is not None:
            raise DgmError(fault.finding())
        return found

    # ── parameters ───────────────────────────────────────────────────────────────────────────────

    def init(self, seed: int, data: Values | None) -> Params:
        """First values by the table of initial values; `data` has a leading axis of examples."""
        return initial.init(self.built, seed, data)

    def constrain(self, params: Params) -> Params:
        """The same tree with declared params on their own scale, as users see them."""
        return {**params, **constrained(self.built, params)}

    def unconstrain(self, params: Mapping[str, Any]) -> Params:
        """The inverse of `constrain`, on the host."""
        kinds = {v.name: v.type.kind for v in self.program.having("param")}
        return {
            name: initial.as_stored(unconstrain(kinds[name], np.asarray(branch)))
            if name in kinds
            else branch
            for name, branch in params.items()
        }

    # ── densities ────────────────────────────────────────────────────────────────────────────────

    def log_joint(self, params: Params, values: Values) -> Array:
        """Σ log densities of all directed sites − Σ energies, latents among the values."""
        return joint.log_joint(self.built, params, values)

    def log_terms(self, params: Params, values: Values) -> dict[str, Array]:
        """The summands of `log_joint` by variable, the energies' under "energy"."""
        return joint.log_terms(self.built, params, values)

    def log_prob(self, params: Params, values: Values) -> Array:
        """The log density of the data with every removable latent removed.

        Unnormalised where an energy is in it; latents left to a bound must be among the values.
        """
        return remove.log_prob(self.built, params, values)

    def log_prior(self, params: Params) -> Array:
        """Σ log priors of the params, on their own scale."""
        return joint.log_prior(self.built, params)

    def energy(self, params: Params, values: Values) -> Array:
        """Σ energies, all their variables among the values."""
        return joint.energy(self.built, params, values)

    def free_energy(self, params: Params, values: Values) -> Array:
        """−log_prob, for laws by an energy."""
        return -self.log_prob(params, values)

    def gaussian_normalizer(self, params: Params, given: Values) -> Array:
        """The log ∫ exp(−Σ energies), where the energies are a positive-definite quadratic."""
        return joint.gaussian(self.built, params, given, known=()).integral

    def gaussian_mode(self, params: Params, given: Values) -> Values:
        """Where such energies are least, given these of their variables: the Gaussian's mean."""
        return joint.gaussian(self.built, params, given, known=given.keys()).mean

    def responsibilities(self, params: Params, values: Values) -> tuple[Values, Array]:
        """Joint states [S, …] of the latents that are summed out, and their log posterior [S]."""
        return remove.responsibilities(self.built, params, values)

    def most_likely(self, params: Params, values: Values) -> Values:
        """The most likely joint state of the finite latents that are summed out, given the rest."""
        return remove.most_likely(self.built, params, values)

    def gaussian_means(self, params: Params, values: Values) -> Values:
        """The posterior means of the latents that go in closed form, given states of the summed."""
        return remove.gaussian_means(self.built, params, values)

    def gaussian_draw(self, params: Params, key: Array, values: Values) -> Values:
        """A draw of those latents from their posterior, given states of the summed."""
        return remove.gaussian_draw(self.built, params, key, values)

    def turn_marginals(self, params: Params, values: Values) -> Values:
        """P(level) of each latent summed turn by turn or one after the other: […, levels]."""
        return remove.turn_marginals(self.built, params, values)

    def eliminated_draw(self, params: Params, key: Array, values: Values) -> Values:
        """A joint draw of the latents summed out one after the other from their posterior."""
        return remove.eliminated_draw(self.built, params, key, values)

    def score(self, params: Params, values: Values, t: Array | None = None) -> Values:
        """∇ log p by variable: as modelled, or the gradient of `log_prob`."""
        return scoring.score(self.built, params, values, t)

    # ── draws ────────────────────────────────────────────────────────────────────────────────────

    def draw(self, params: Params, key: Array, given: Values) -> Values:
        """All directed variables; those given stay, latents too (reconstructions)."""
        return drawing.draw(self.built, params, key, given)

    def draw_with_density(self, params: Params, key: Array, given: Values) -> tuple[Values, Array]:
        """All directed variables, and the log density of the data at the draw."""
        return drawing.draw_with_density(self.built, params, key, given)

    def path_ends(self, params: Params, key: Array, values: Values) -> tuple[Array, Array]:
        """Where the data's one vector field begins, at a draw of the base, and where it ends."""
        return paths.ends(self.built, params, key, values)

    def velocity(self, params: Params, values: Values, x: Array, t: Array) -> Array:
        """That field at a place and a time."""
        return paths.velocity(self.built, params, values, x, t)

    def update(
        self, params: Params, key: gibbs.Key, values: Values, block: Block,
        law: gibbs.Tempered | None = None,
    ) -> Values:  # fmt: skip
        """The values with one Gibbs block drawn given the rest, by a tempered law where given.

        Without a key its sites are set to their most likely values.
        """
        return gibbs.update(self.built, params, key, values, block, law)

    def update_chains(
        self, params: Params, key: Array, values: Values, block: Block,
        law: gibbs.Tempered | None = None,
    ) -> Values:  # fmt: skip
        """`update` of chains that stand on the last axis of each array."""
        return gibbs.update_chains(self.built, params, key, values, block, law)

    def packed(self, values: Values) -> dict[str, Any]:
        """The values with arrays by the classes of their Gibbs blocks, as chains keep them.

        Axes behind the sites stay; `update` takes and gives such values.
        """
        return by_class.pack(self.built, values)

    # ── companions ───────────────────────────────────────────────────────────────────────────────

    def guide_draw(
        self, params: Params, key: Array, values: Values, soft: Soft = guide.AS_DRAWN
    ) -> tuple[Values, Array]:
        """The guide's latents given data and givens, and their log density.

        Latents among the values are kept.
        """
        return guide.guide_draw(self.built, params, key, values, soft)

    def guided(
        self,
        params: Params,
        key: Array,
        values: Values,
        stopped: tuple[str, ...] = (),
        soft: Soft = guide.AS_DRAWN,
    ) -> Guided:
        """A draw of the guide with log p, log q and closed-form KLs from one pass of the nets."""
        return guide.guided(self.built, params, key, values, stopped, soft)

    def guide_log_prob(self, params: Params, values: Values) -> Array:
        """The guide's log density of the latents among the values."""
        return guide.guide_log_prob(self.built, params, values)

    def guide_terms(self, params: Params, values: Values) -> dict[str, Array]:
        """The summands of `guide_log_prob` by latent."""
        return guide.guide_terms(self.built, params, values)

    def guide_term(self, params: Params, values: Values, name: str) -> Array:
        """The guide's log density of what an example holds of one data variable."""
        return guide.guide_term(self.built, params, values, name)

    def given_in_full(self, name: str) -> Lowered:
        """The same where no example lacks a finite data variable, so that nothing sums over it."""
        kept = tuple(r for r in self.facts.removed if r.variable != name or not r.summed)
        return Lowered(replace(self.built, facts=replace(self.facts, removed=kept)))

    def kl(self, params: Params, values: Values) -> dict[str, Array]:
        """KL(guide ‖ prior) of each latent where it has a closed form."""
        return guide.kl(self.built, params, values)

    def noise_log_prob(self, params: Params, values: Values) -> Array:
        """The log density of the data under the noise that the program writes."""
        return noise.noise_log_prob(self.built, params, values)

    def noise_draw(self, params: Params, key: Array) -> Values:
        """A draw of the noise for each data variable."""
        return noise.noise_draw(self.built, params, key)

    def critic(self, params: Params, values: Values) -> Array:
        """The critic's value."""
        return critic(self.built, params, values)

    def evaluate(self, params: Params, expr: Expr, values: Values) -> Array:
        """Any expression of the program."""
        return evaluation(self.built, params, values).value(expr)

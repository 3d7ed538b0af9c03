"""log Z of an energy by summation over its states."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.gibbs import where
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import EnergyLaw, Program, Variable
from dgmlang.compiler.types.kinds import FINITE
from dgmlang.evaluate.states import (
    Sites,
    kinds,
    numbered,
    outside,
    total_states,
    whole,
)
from dgmlang.objectives.objective import Params, Values

BUDGET = 2**20
"""States that a summation may visit."""

CHUNK = 2**11
"""States whose energies are in memory together."""


@dataclass(frozen=True)
class Summation:
    """How log Z is summed: over the states of `sites`; `removed` goes by its free energy."""

    sites: tuple[Sites, ...]
    removed: Block | None


def log_normalizer(lowered: Lowered, params: Params, given: Values) -> Array:
    """The exact log Σ exp(−E) over all states of the energy's variables; differentiable.

    A Gibbs block in which the energy is affine is removed in closed form (softplus for bits,
    log 2cosh for spins), so that an RBM costs 2^min(visible, hidden) states, a 4 × 4 Ising 2^8.

    Raises:
        DgmError: DGM0801 where a variable is not finite, DGM0802 beyond the budget of 2^20 states.
    """
    summation = plan_summation(lowered.program, lowered.blocks)
    total = round(2 ** total_states(summation.sites))
    chunk = min(total, CHUNK)

    def log_weight(number: Array) -> Array:
        values = {**given, **numbered(summation.sites, number)}
        return _marginal(lowered, params, values, summation.removed)

    @jax.checkpoint
    def chunk_sum(start: Array) -> Array:
        numbers = start + jnp.arange(chunk)
        weights = jax.vmap(log_weight)(numbers)
        return jax.nn.logsumexp(jnp.where(numbers < total, weights, -jnp.inf))

    return jax.nn.logsumexp(jax.lax.map(chunk_sum, jnp.arange(0, total, chunk)))


def plan_summation(program: Program, blocks: tuple[Block, ...]) -> Summation:
    """The cheapest summation: no block removed, or one that is affine in bits and spins."""
    variables = [v for v in program.variables.values() if isinstance(v.law, EnergyLaw)]
    _require_finite(program, variables)
    options = [Summation(tuple(whole(v) for v in variables), None)]
    for block in blocks:
        if block.rule == "multilinear" and kinds(program.variables, block) <= {"bit", "spin"}:
            options.append(Summation(tuple(outside(whole(v), block) for v in variables), block))
    best = min(options, key=lambda option: total_states(option.sites))
    log2_states = total_states(best.sites)
    if 2**log2_states > BUDGET:
        raise DgmError(queries.normaliser_too_large(program.name, log2_states, BUDGET))
    return best


def _require_finite(program: Program, variables: list[Variable]) -> None:
    for variable in variables:
        if variable.type.kind.name not in FINITE:
            raise DgmError(queries.normaliser_not_a_sum(program.name, variable.name))


def _marginal(lowered: Lowered, params: Params, values: Values, removed: Block | None) -> Array:
    """−E, or log Σ over the removed block's sites of exp(−E).

    In those sites −E = a + Σᵢ lᵢ xᵢ: `a` is its value and l its gradient where they are 0.
    """
    if removed is None:
        return -lowered.energy(params, values)
    inside = {name: values[name] for name in removed.variables}

    def negative_energy(block: Values) -> Array:
        return -lowered.energy(params, {**values, **block})

    total, slopes = jax.value_and_grad(negative_energy)(inside)
    for part in removed.parts:
        slope = slopes[part.variable]
        mask = where(part, slope.shape)
        spin = lowered.program.variables[part.variable].type.kind.name == "spin"
        each = jnp.logaddexp(slope, -slope) if spin else jax.nn.softplus(slope)
        total = total + jnp.sum(jnp.where(mask, each, 0.0))
    return total

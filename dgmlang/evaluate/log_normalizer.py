"""log Z of an energy: by summation over its states, or of a Gaussian in closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.derive.facts import Block, Summation
from dgmlang.compiler.derive.remove import BUDGET
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.grid import where
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.rows import by_rows
from dgmlang.evaluate.states import numbered, outside, total_states, whole
from dgmlang.objectives.objective import Params, Values

CHUNK = 2**11
"""States whose energies are in memory together."""


def log_normalizer(lowered: Lowered, params: Params, given: Values) -> Array:
    """The exact log Σ exp(−E) over all states of the energy's variables; differentiable.

    How it is summed is a fact of the program: over joint states with one Gibbs block in closed form
    (softplus for bits, log 2cosh for spins), or by transfer matrices.

    Raises:
        DgmError: DGM0801 where a variable is not finite, DGM0802 beyond the budget of 2^20 entries.
    """
    if lowered.facts.gaussian is not None:
        return lowered.gaussian_normalizer(params, given)
    found = lowered.facts.summation
    if found is None:
        raise _refusal(lowered)
    if found.rule == "rows":
        return by_rows(lowered, params, given, found)
    return _by_states(lowered, params, given, found)


def _by_states(lowered: Lowered, params: Params, given: Values, found: Summation) -> Array:
    removed = None if found.removed is None else lowered.blocks[found.removed]
    sites = tuple(whole(v) for v in energy_variables(lowered.program))
    if removed is not None:
        sites = tuple(outside(s, removed) for s in sites)
    total, chunk = found.entries, min(found.entries, CHUNK)

    def log_weight(number: Array) -> Array:
        return log_marginal(lowered, params, {**given, **numbered(sites, number)}, removed)

    @jax.checkpoint
    def chunk_sum(start: Array) -> Array:
        numbers = start + jnp.arange(chunk)
        weights = jax.vmap(log_weight)(numbers)
        return jax.nn.logsumexp(jnp.where(numbers < total, weights, -jnp.inf))

    return jax.nn.logsumexp(jax.lax.map(chunk_sum, jnp.arange(0, total, chunk)))


def _refusal(lowered: Lowered) -> DgmError:
    program = lowered.program
    variables = energy_variables(program)
    for variable in variables:
        if variable.type.kind.space != "finite":
            return DgmError(queries.normaliser_not_a_sum(program.name, variable.name))
    bits = total_states(tuple(whole(v) for v in variables))
    return DgmError(queries.normaliser_too_large(program.name, bits, BUDGET))


def log_marginal(lowered: Lowered, params: Params, values: Values, removed: Block | None) -> Array:
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

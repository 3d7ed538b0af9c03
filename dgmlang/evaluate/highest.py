"""The most likely state of an energy: by looking at all states, or by climbing from many starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.derive.remove import BUDGET
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import CHUNK
from dgmlang.evaluate.states import Sites, numbered, outside, total_states, whole
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.anneal import Anneal
from dgmlang.samplers.chains import begin
from dgmlang.samplers.sweeps import covered, energy_variables, settled
from dgmlang.samplers.tempered import Tempered, tempered


@dataclass(frozen=True, eq=False)
class Search:
    """A search of all states: of these sites, the block's being at their mode given them."""

    sites: tuple[Sites, ...]
    block: Block | None

    @property
    def states(self) -> int:
        """How many states are looked at."""
        return round(2 ** total_states(self.sites))


def search(lowered: Lowered, given: Collection[str]) -> Search | None:
    """The shortest search of all states where these are given, None where it is not within 2^20."""
    options = list(_searches(lowered, given))
    best = min(options, key=lambda option: total_states(option.sites), default=None)
    return best if best is not None and 2 ** total_states(best.sites) <= BUDGET else None


def _searches(lowered: Lowered, given: Collection[str]) -> Iterator[Search]:
    free = [v for name, v in energy_variables(lowered).items() if name not in given]
    if not all(v.type.kind.space == "finite" for v in free):
        return
    sites = tuple(map(whole, free))
    yield Search(sites, None)
    for block in (b for b in lowered.blocks if b.together):
        yield Search(tuple(outside(s, block) for s in sites), block)


@partial(jax.jit, static_argnums=(0, 1))
def enumerated(lowered: Lowered, plan: Search, params: Params, given: Values) -> Values:
    """The most likely state of each example [n, …]; the first of several that are alike."""
    total, chunk = plan.states, min(plan.states, CHUNK)

    def state(given: Values, number: Array) -> Values:
        values = {**given, **numbered(plan.sites, number)}
        if plan.block is None:
            return values
        return {**lowered.update(params, None, values, plan.block), **given}

    def chunk_best(given: Values, start: Array) -> tuple[Array, Array]:
        numbers = start + jnp.arange(chunk)
        energies = jax.vmap(lambda number: lowered.energy(params, state(given, number)))(numbers)
        energies = jnp.where(numbers < total, energies, jnp.inf)
        return jnp.min(energies), numbers[jnp.argmin(energies)]

    def one(given: Values) -> Values:
        least, numbers = jax.lax.map(partial(chunk_best, given), jnp.arange(0, total, chunk))
        return state(given, numbers[jnp.argmin(least)])

    return jax.lax.map(one, given) if given else jax.tree.map(lambda x: x[None], one({}))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def climbed(
    lowered: Lowered, cooling: Anneal | None, starts: int, n: int, params: Params, key: Array,
    given: Values,
) -> Values:  # fmt: skip
    """The best of `starts` states of each of n examples [n, …]: cooled, then at rest.

    They begin at noise, are annealed where `cooling` says how, and then, where every site has a
    Gibbs block, moved by iterated conditional modes to a state that no block improves.
    """
    held = {name: jnp.repeat(array, starts, axis=0) for name, array in given.items()}
    moves = tempered(lowered, held)
    if cooling is None:
        values = begin(moves.variables, key, n * starts, held)
    else:
        values = cooling.drawn(params, key, n * starts, held)[0]
    if covered(lowered):
        values = jax.vmap(lambda v: settled(lowered, params, v, moves.fixed))(values)
    return _best(moves, params, starts, values)


def _best(moves: Tempered, params: Params, starts: int, values: Values) -> Values:
    """Of every `starts` states in a row the most likely one."""
    logs = jax.vmap(moves.log_density(params))(values).reshape(-1, starts)
    rows = jnp.arange(size(values) // starts) * starts + jnp.argmax(logs, axis=1)
    return {name: array[rows] for name, array in values.items()}

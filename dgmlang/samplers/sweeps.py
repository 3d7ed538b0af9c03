"""Gibbs sweeps and Langevin steps of one chain, as samplers and contrastive objectives use them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.derive import capabilities as facets
from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values

Move = Callable[[Params, Array, Values], Values]
"""(params, key, values) → values: one transition of one chain."""

MOST = 1000
"""Sweeps of iterated conditional modes at most."""


def energy_variables(lowered: Lowered) -> dict[str, Variable]:
    """The variables that the energies are about, by name."""
    return {v.name: v for v in facets.energy_variables(lowered.program)}


def latents_first(lowered: Lowered) -> tuple[Block, ...]:
    """The Gibbs blocks, those of latents alone before the others.

    A chain that starts at data then draws its latents before it moves the data.
    """
    latents = {v.name for v in lowered.program.having("latent")}
    return tuple(sorted(lowered.blocks, key=lambda block: not latents.issuperset(block.variables)))


def covered(lowered: Lowered) -> bool:
    """Whether every site of the energy lies in some block, so that Gibbs alone mixes."""
    sites: dict[str, int] = {}
    for block in lowered.blocks:
        for part in block.parts:
            sites[part.variable] = sites.get(part.variable, 0) + part.sites
    whole = {name: prod(numbers(v.type.shape)) for name, v in energy_variables(lowered).items()}
    return all(sites.get(name, 0) == count for name, count in whole.items())


def gibbs_sweep(
    lowered: Lowered, fixed: frozenset[str] = frozenset(), *, chains: bool = False
) -> Move:
    """Each block in turn given all others, the fixed variables kept as they are.

    `chains`: of many chains, on the last axis of each array.

    Where a block holds a fixed variable beside others, its sites are put back: sites of a block are
    independent given the rest, so the others' draws are right.
    """
    blocks = _moving(lowered, fixed)
    update = lowered.update_chains if chains else lowered.update

    def sweep(params: Params, key: Array, values: Values) -> Values:
        kept = {name: values[name] for name in fixed}
        for place, block in enumerate(blocks):
            moved = update(params, jax.random.fold_in(key, place), values, block)
            values = {**moved, **kept}
        return values

    return sweep


def settled(lowered: Lowered, params: Params, values: Values, fixed: frozenset[str]) -> Values:
    """Iterated conditional modes: each block at its mode given all others, until nothing moves.

    No sweep lowers the density, so finite sites come to rest; reals are left after `MOST` sweeps.

    Source: Besag 1986, section 2.5.
    """
    kept = {name: values[name] for name in fixed}

    def sweep(values: Values) -> Values:
        for block in _moving(lowered, fixed):
            values = {**lowered.update(params, None, values, block), **kept}
        return values

    def moving(carried: tuple[Values, Values, Array]) -> Array:
        old, new, count = carried
        apart = [jnp.any(old[name] != new[name]) for name in new]
        return jnp.any(jnp.stack(apart)) & (count < MOST)

    def one(carried: tuple[Values, Values, Array]) -> tuple[Values, Values, Array]:
        _, values, count = carried
        return values, sweep(values), count + 1

    return jax.lax.while_loop(moving, one, (values, sweep(values), jnp.int32(1)))[1]


def _moving(lowered: Lowered, fixed: frozenset[str]) -> tuple[Block, ...]:
    """The blocks that hold a variable which is not fixed."""
    return tuple(b for b in latents_first(lowered) if not fixed.issuperset(b.variables))


def langevin(key: Array, x: Array, score: Array, step: ArrayLike) -> Array:
    """The step x + ε/2 ∇ log p(x) + √ε z, for ε and the score at x."""
    return x + 0.5 * step * score + jnp.sqrt(step) * jax.random.normal(key, x.shape, x.dtype)


def langevin_step(lowered: Lowered, names: tuple[str, ...], step: float) -> Move:
    """The step x + ε/2 ∇ log p(x) + √ε z for the variables of these names."""

    def move(params: Params, key: Array, values: Values) -> Values:
        slopes = lowered.score(params, values)
        moved = {
            name: langevin(jax.random.fold_in(key, i), values[name], slopes[name], step)
            for i, name in enumerate(names)
        }
        return {**values, **moved}

    return move


def together(move: Move) -> Move:
    """The transition of many chains, on the last axis of each array, with keys of their own."""
    each = jax.vmap(move, in_axes=(None, 0, -1), out_axes=-1)

    def moves(params: Params, key: Array, values: Values) -> Values:
        n = jax.tree.leaves(values)[0].shape[-1]
        return each(params, jax.random.split(key, n), values)

    return moves


def repeated(move: Move, times: int) -> Move:
    """`times` transitions in a row."""

    def moves(params: Params, key: Array, values: Values) -> Values:
        def one(i: Array, current: Values) -> Values:
            return move(params, jax.random.fold_in(key, i), current)

        return jax.lax.fori_loop(0, times, one, values)

    return moves

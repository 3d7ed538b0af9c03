"""One Gibbs update of a block: its sites drawn, or set to their modes, given all others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import SINGLE_SITE, Block, Part
from dgmlang.compiler.lower import by_class
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.by_class import draw
from dgmlang.compiler.lower.domains import choices, stored
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.grid import Packed, where
from dgmlang.compiler.lower.joint import log_joint
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.objective import Params, Values

Density = Callable[[Values], Array]
"""The log density of all values, up to a constant."""

Key = Array | None
"""What the sites are drawn with; None sets each to its most likely value instead."""


def update(
    built: Built,
    params: Params,
    key: Key,
    values: Values,
    block: Block,
    density: Density | None = None,
) -> Values:
    """The values with the block's sites drawn from their conditional; without a key, at its mode.

    Sites of a block do not interact, so all their conditionals hold at once. Variables may come
    packed by the classes of their blocks, and then leave so. Another density than the model's must
    have conditionals of the same form, as a power of it has.
    """
    if density is None and by_class.serves(built, block):
        return values | by_class.update(built, params, key, values, block)
    packed = [name for name, value in values.items() if isinstance(value, Packed)]
    if packed:
        new = update(built, params, key, by_class.whole(values), block, density)
        return new | by_class.pack(built, {name: new[name] for name in packed})
    kinds = [built.program.variables[name].type.kind for name in block.variables]
    rule = block.rule
    if rule == "multilinear" and not all(kind.two_valued for kind in kinds):
        rule = "differences"  # another density knows no weights of levels
    new = RULES[rule](built, density or partial(log_joint, built, params), key, values, block)
    kept = {part.variable: _outside(built, part) for part in block.parts}
    return values | {
        name: jnp.where(kept[name], values[name], drawn) if kept[name].any() else drawn
        for name, drawn in new.items()
    }


def update_chains(built: Built, params: Params, key: Array, values: Values, block: Block) -> Values:
    """The same of chains that stand on the last axis of each array."""
    if by_class.serves(built, block):
        return values | by_class.update_chains(built, params, key, values, block)
    n = jax.tree.leaves(values)[0].shape[-1]
    each = jax.vmap(partial(update, built, params, block=block), in_axes=(0, -1), out_axes=-1)
    return each(jax.random.split(key, n), values)


def from_odds(built: Built, density: Density, key: Key, values: Values, block: Block) -> Values:
    """Bits and spins at all sites of the block's variables, by their log-odds."""
    drawn: Values = {}
    for name, odds in log_odds(built, density, values, block).items():
        own = None if key is None else site_key(key, name)
        drawn[name] = draw(built, name, own, odds).astype(values[name].dtype)
    return drawn


def log_odds(built: Built, density: Density, values: Values, block: Block) -> Values:
    """Log-odds of each site's upper value, log p of degree one in it: ∂ for bits, 2 ∂ for spins."""
    chosen = {name: values[name] for name in block.variables}
    slopes = jax.grad(lambda sites: density({**values, **sites}))(chosen)
    steps = {name: float(np.ptp(choices(_kind(built, name)))) for name in chosen}
    return {name: steps[name] * slope for name, slope in slopes.items()}


def from_levels(built: Built, density: Density, key: Key, values: Values, block: Block) -> Values:
    """Finite values at all sites of the block's variables, by the density at each level."""
    drawn: Values = {}
    for name, table in level_densities(built, density, values, block.variables).items():
        own = None if key is None else site_key(key, name)
        two = _kind(built, name).two_valued
        scores = table[..., 1] - table[..., 0] if two else table
        drawn[name] = draw(built, name, own, scores).astype(values[name].dtype)
    return drawn


def from_curvature(
    built: Built, density: Density, key: Key, values: Values, block: Block
) -> Values:
    """Reals at the block's sites, log p = a + g x − ½ p x² in each: N(x₀ + g(x₀)/p, 1/p).

    Sites of the block do not interact, so one product of the Hessian with the block's indicator
    is its diagonal there.
    """
    chosen = {name: values[name] for name in block.variables}
    sites = {p.variable: where(p, chosen[p.variable].shape) for p in block.parts}
    ones = {name: jnp.asarray(sites[name], chosen[name].dtype) for name in chosen}
    slopes = jax.grad(lambda these: density({**values, **these}))
    slope, curved = jax.jvp(slopes, (chosen,), (ones,))
    drawn: Values = {}
    for name, old in chosen.items():
        precision = jnp.where(sites[name], -curved[name], 1.0)
        drawn[name] = old + slope[name] / precision
        if key is not None:
            noise = jax.random.normal(site_key(key, name), old.shape, old.dtype)
            drawn[name] += noise / jnp.sqrt(precision)
    return drawn


def one_by_one(built: Built, density: Density, key: Key, values: Values, block: Block) -> Values:
    """Finite values at all sites of a variable, each given those before it as they are now."""
    (name,) = block.variables
    old = values[name]
    levels = stored(_kind(built, name), np.array(choices(_kind(built, name)))).astype(old.dtype)
    own = None if key is None else site_key(key, name)

    def one(site: Array, flat: Array) -> Array:
        def at(level: Array) -> Array:
            return density({**values, name: flat.at[site].set(level).reshape(old.shape)})

        scores = jax.vmap(at)(levels)
        if own is None:
            chosen = jnp.argmax(scores)
        else:
            chosen = jax.random.categorical(jax.random.fold_in(own, site), scores)
        return flat.at[site].set(levels[chosen])

    moved = jax.lax.fori_loop(0, old.size, one, old.reshape(-1))
    return {name: moved.reshape(old.shape)}


RULES = {
    "multilinear": from_odds,
    "differences": from_levels,
    "gaussian": from_curvature,
    SINGLE_SITE: one_by_one,
}


def level_densities(
    built: Built, density: Density, values: Values, names: tuple[str, ...]
) -> Values:
    """Log p at each level of each site, the others as they are: [sites…, levels].

    It holds of any density, at the price of one evaluation a site and level.
    """

    def at(name: str, site: Array, level: Array) -> Array:
        flat = values[name].reshape(-1)
        changed = flat.at[site].set(level).reshape(values[name].shape)
        return density({**values, name: changed})

    tables: Values = {}
    for name in names:
        levels = stored(_kind(built, name), np.array(choices(_kind(built, name))))
        every = jax.vmap(jax.vmap(partial(at, name), (None, 0)), (0, None))
        table = every(jnp.arange(values[name].size), levels.astype(values[name].dtype))
        tables[name] = table.reshape(*values[name].shape, levels.size)
    return tables


def _outside(built: Built, part: Part) -> np.ndarray:
    return ~where(part, numbers(built.program.variables[part.variable].type.shape))


def _kind(built: Built, name: str) -> Kind:
    return built.program.variables[name].type.kind

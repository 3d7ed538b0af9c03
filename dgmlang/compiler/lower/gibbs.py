"""One Gibbs update of a block: its sites drawn, or set to their modes, given all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tempered:
    """The law β log p + (1 − β) log q in place of the model's own log p.

    Conditionals keep their form: q does not depend on finite sites, and is quadratic in reals.

    Attributes:
        beta: β, one number.
        base: Log q; nothing where p is only raised to a power.
    """

    beta: Array
    base: Density | None = field(default=None, metadata={"static": True})

    def of(self, density: Density) -> Density:
        """The log density, from that of the model."""

        def tempered(values: Values) -> Array:
            beside = 0.0 if self.base is None else (1.0 - self.beta) * self.base(values)
            return self.beta * density(values) + beside

        return tempered


def update(
    built: Built,
    params: Params,
    key: Key,
    values: Values,
    block: Block,
    law: Tempered | None = None,
    joint: Density | None = None,
) -> Values:
    """The values with the block's sites drawn from their conditional; without a key, at its mode.

    Sites of a block do not interact, so all their conditionals hold at once. Variables may come
    packed by the classes of their blocks, and then leave so. `joint` stands in for the model's log
    density where its sites are drawn one after the other.
    """
    if by_class.serves(built, block):
        beta = 1.0 if law is None else law.beta
        return values | by_class.update(built, params, key, values, block, beta)
    packed = [name for name, value in values.items() if isinstance(value, Packed)]
    if packed:
        new = update(built, params, key, by_class.whole(values), block, law, joint)
        return new | by_class.pack(built, {name: new[name] for name in packed})
    density = joint or partial(log_joint, built, params)
    density = density if law is None else law.of(density)
    new = RULES[block.rule](built, density, key, values, block)
    kept = {part.variable: _outside(built, part) for part in block.parts}
    return values | {
        name: jnp.where(kept[name], values[name], drawn) if kept[name].any() else drawn
        for name, drawn in new.items()
    }


def update_chains(
    built: Built,
    params: Params,
    key: Array,
    values: Values,
    block: Block,
    law: Tempered | None = None,
) -> Values:
    """The same of chains that stand on the last axis of each array, with one β or one for each."""
    if by_class.serves(built, block):
        beta = 1.0 if law is None else law.beta
        return values | by_class.update_chains(built, params, key, values, block, beta)

    def one(key: Array, values: Values, law: Tempered | None) -> Values:
        return update(built, params, key, values, block, law)

    return over_chains(one, key, values, law)


def over_chains(
    one: Callable[[Array, Values, Tempered | None], Values],
    key: Array,
    values: Values,
    law: Tempered | None,
) -> Values:
    """An update of one chain, of all that stand on the last axis, with keys of their own."""
    n = jax.tree.leaves(values)[0].shape[-1]
    apart = 0 if law is not None and jnp.ndim(law.beta) else None
    return jax.vmap(one, (0, -1, apart), -1)(jax.random.split(key, n), values, law)


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

"""Gibbs updates of blocks that the density is of degree one in, class by class of the grid.

One gradient by the block's own sites gives all their conditionals: of a bit or spin the log-odds
are the slope times the gap between its values, of a class the slopes by the weights of its levels
are the log probabilities, up to a constant. No other site's conditional is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.derive.facts import Block, Part
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.evaluate import constrained
from dgmlang.compiler.lower.grid import Grid, Packed, grid_of, where
from dgmlang.compiler.lower.joint import terms_of, total
from dgmlang.compiler.lower.on_grid import Each, Levels, NotByClass, OnGrid
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.objective import Params, Values

Key = Array | None


def update(
    built: Built,
    params: Params,
    key: Key,
    values: Mapping[str, Any],
    block: Block,
    beta: ArrayLike = 1.0,
) -> dict[str, Any]:
    """The block's variables with its sites drawn given all others; without a key, at their modes.

    A variable that comes packed leaves packed. The density is raised to the power `beta`.
    """
    return _updated(built, key, values, block, scores(built, params, values, block), beta, ())


def update_chains(
    built: Built,
    params: Params,
    key: Array,
    values: Mapping[str, Any],
    block: Block,
    beta: ArrayLike = 1.0,
) -> dict[str, Any]:
    """The same of many chains, on the last axis of each array: their noise is drawn at once."""
    scored = scores(built, params, values, block, (-1,))
    return _updated(built, key, values, block, scored, beta, (-1,))


def _updated(
    built: Built,
    key: Key,
    values: Mapping[str, Any],
    block: Block,
    scored: Mapping[str, Array],
    beta: ArrayLike,
    chains: tuple[int, ...],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in block.parts:
        name, own = part.variable, _split(built, values[part.variable], part)
        place = _place(part, own.grid)
        old = own.classes[place]
        noise = None if key is None else site_key(key, name)
        drawn = draw(built, name, noise, _raised(scored[name], beta), chains)
        drawn = drawn.astype(old.dtype)
        if own.grid.modulus < part.modulus:
            mask = where(part, own.grid.shape)
            drawn = jnp.where(np.expand_dims(mask, chains), drawn, old)
        new = own.with_class(place, drawn)
        found[name] = new if isinstance(values[name], Packed) else new.joined()
    return found


def _raised(scores: Array, beta: ArrayLike) -> Array:
    """Scores of the power β of a density, one for all or one for each chain on the last axis."""
    each = jnp.reshape(beta, (*(1,) * (scores.ndim - 1), -1)) if jnp.ndim(beta) else beta
    return jnp.asarray(scores * each)


def draw(built: Built, name: str, key: Key, scores: Array, chains: tuple[int, ...] = ()) -> Array:
    """Values of a variable by `scores`, with noise; the most likely ones without a key.

    `chains` are axes behind those of the sites and levels.
    """
    kind = built.program.variables[name].type.kind
    levels = choices(kind)
    if not kind.two_valued:
        axis = -1 - len(chains)
        if key is None:
            return jnp.asarray(levels)[jnp.argmax(scores, axis)]
        return jnp.asarray(levels)[jax.random.categorical(key, scores, axis)]
    if key is None:
        upper = scores > 0
    else:
        upper = jax.random.uniform(key, scores.shape, scores.dtype) < jax.nn.sigmoid(scores)
    return jnp.where(upper, levels[1], levels[0])


def scores(
    built: Built,
    params: Params,
    values: Mapping[str, Any],
    block: Block,
    chains: tuple[int, ...] = (),
) -> dict[str, Array]:
    """The log-odds of the upper values [sites], or log p of each level [sites, levels].

    Sites are those of the block's class, or all where the grid has no classes.
    """
    kinds = {p.variable: built.program.variables[p.variable].type.kind for p in block.parts}
    split = {p.variable: _split(built, values[p.variable], p) for p in block.parts}
    places = {p.variable: _place(p, split[p.variable].grid) for p in block.parts}
    rest = {**values, **split}

    def moved(sites: Mapping[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
        return {**rest, **{n: rest[n].with_class(places[n], own) for n, own in sites.items()}}

    def density(sites: Mapping[str, Any], rest: Mapping[str, Any]) -> Array:
        every = {**constrained(built, params), **moved(sites, rest)}
        return total(terms_of(OnGrid(built, params, every)).values())

    def summed(sites: Mapping[str, Any]) -> Array:
        if not chains:
            return density(sites, rest)
        try:
            return _all_chains(built, params, moved(sites, rest))
        except NotByClass:
            # Levels are counted from the last axis, from which `vmap` takes the chains away.
            alone = {
                n: replace(s, axis=-1) if isinstance(s, Levels) else s for n, s in sites.items()
            }
            return jnp.sum(jax.vmap(density, in_axes=-1)(alone, rest))

    old = {name: own.classes[places[name]] for name, own in split.items()}
    slopes = jax.grad(summed)({n: _weighed(kinds[n], own, chains) for n, own in old.items()})
    return {
        name: np.ptp(choices(kinds[name])) * slope if kinds[name].two_valued else slope.weights
        for name, slope in slopes.items()
    }


def _all_chains(built: Built, params: Params, values: Mapping[str, Any]) -> Array:
    """Σ log densities of chains on the last axis, up to what no site moves.

    Raises:
        NotByClass: Where an expression needs whole arrays, or a law is no energy.
    """
    if built.directed:
        raise NotByClass
    apart = {name: _apart(value) for name, value in values.items()}
    inside = OnGrid(built, params, {**constrained(built, params), **apart}, chains=True)
    each = [inside.held(expr) for expr in built.program.energies]
    return -total(jnp.sum(found.values) for found in each if isinstance(found, Each))


def _apart(value: Any) -> Packed | Each:
    """A chains' value as `OnGrid` keeps it."""
    if isinstance(value, Packed):
        return value
    sites = value.shape[:-1]
    return Packed((value,), Grid(sites, (0,) * len(sites), 1, 0)) if sites else Each(value)


def serves(built: Built, block: Block) -> bool:
    """Whether the block is of degree one in each site, of a density without further terms."""
    return block.rule == "multilinear" and built.facts.gaussian is None


def pack(built: Built, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with arrays of a checkerboard, or of more colours, by their classes."""
    grids = grids_of(built)
    return {n: grids[n].split(v) if n in grids else v for n, v in values.items()}


def whole(values: Mapping[str, Any]) -> Values:
    """The values with all arrays whole."""
    return {n: v.joined() if isinstance(v, Packed) else v for n, v in values.items()}


def grids_of(built: Built) -> Mapping[str, Grid]:
    """The grids of variables that are updated class by class."""
    blocks = built.facts.blocks
    slow = {name for block in blocks if block.rule != "multilinear" for name in block.variables}
    parts = (part for block in blocks for part in block.parts)
    found = {p.variable: _grid(built, p) for p in parts if p.modulus > 1 and p.variable not in slow}
    return {name: grid for name, grid in found.items() if grid.modulus > 1}


def _grid(built: Built, part: Part) -> Grid:
    """The grid of the part's classes; of one class, all sites, where they cannot be told apart."""
    shape = numbers(built.program.variables[part.variable].type.shape)
    found = grid_of(shape, part.weights, part.modulus)
    return found or Grid(shape, (0,) * len(shape), 1, 0)


def _split(built: Built, value: Any, part: Part) -> Packed:
    return value if isinstance(value, Packed) else _grid(built, part).split(value)


def _place(part: Part, grid: Grid) -> int:
    return part.residue if grid.modulus == part.modulus else 0


def _weighed(kind: Kind, sites: Array, chains: tuple[int, ...]) -> Any:
    """What the density is differentiated by: the sites, or the weights of their levels."""
    if kind.two_valued:
        return sites
    axis = -1 - len(chains)
    return Levels(jax.nn.one_hot(sites, len(choices(kind)), axis=axis), axis)

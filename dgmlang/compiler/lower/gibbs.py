"""One Gibbs update of a block: its sites drawn together, given all others."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Block, Part
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.joint import log_joint
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.objective import Params, Values


def update(built: Built, params: Params, key: Array, values: Values, block: Block) -> Values:
    """The values with the block's sites drawn from their conditional.

    Sites of a block do not interact, so all their log-odds hold at once.
    """
    odds = {"multilinear": by_gradient, "differences": by_differences}[block.rule]
    log_odds = odds(built, params, values, block)
    return values | {
        part.variable: _redrawn(
            built, site_key(key, part.variable), values, part, log_odds[part.variable]
        )
        for part in block.parts
    }


def by_gradient(built: Built, params: Params, values: Values, block: Block) -> Values:
    """Log-odds of each site's upper value, log p of degree one in it: ∂ for bits, 2 ∂ for spins."""
    density = partial(log_joint, built, params)
    chosen = {name: values[name] for name in block.variables}
    slopes = jax.grad(lambda sites: density({**values, **sites}))(chosen)
    return {name: _step(_kind(built, name)) * slope for name, slope in slopes.items()}


def by_differences(built: Built, params: Params, values: Values, block: Block) -> Values:
    """Log-odds of each site's upper value by evaluating both; two densities a site."""
    density = partial(log_joint, built, params)

    def odds(name: str, site: Array) -> Array:
        flat = values[name].reshape(-1)
        kind = _kind(built, name)

        def at_value(value: float) -> Array:
            changed = flat.at[site].set(value).reshape(values[name].shape)
            return density({**values, name: changed})

        return at_value(1.0) - at_value(1.0 - _step(kind))

    return {
        name: jax.vmap(partial(odds, name))(jnp.arange(values[name].size)).reshape(
            values[name].shape
        )
        for name in block.variables
    }


def _redrawn(built: Built, key: Array, values: Values, part: Part, log_odds: Array) -> Array:
    old = values[part.variable]
    upper = jax.random.uniform(key, old.shape, old.dtype) < jax.nn.sigmoid(log_odds)
    lower = 1.0 - _step(_kind(built, part.variable))
    new = jnp.where(upper, 1.0, lower).astype(old.dtype)
    sites = where(part, numbers(built.program.variables[part.variable].type.shape))
    return new if sites.all() else jnp.where(sites, new, old)


def where(part: Part, shape: tuple[int, ...]) -> np.ndarray:
    """Which sites of a variable belong to the part."""
    if part.modulus == 1:
        return np.ones(shape, bool)
    index = np.indices(shape)
    weighted = sum(w * axis for w, axis in zip(part.weights, index, strict=True))
    return np.asarray(weighted % part.modulus == part.residue)


def _step(kind: Kind) -> float:
    """The distance between the two values of a bit or spin."""
    return 2.0 if kind.name == "spin" else 1.0


def _kind(built: Built, name: str) -> Kind:
    return built.program.variables[name].type.kind

"""Draws of the directed sites, each given those above it; entry by entry where it must be."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.chains import draw_in_loops
from dgmlang.compiler.lower.domains import dtype, stored
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.joint import ENERGY, gaussian, terms_of
from dgmlang.compiler.lower.joint import total as sum_of
from dgmlang.compiler.lower.laws import sample
from dgmlang.compiler.lower.lengths import close
from dgmlang.compiler.lower.remove import log_prob
from dgmlang.compiler.program import Law, Past, Repeated, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import arguments, walk
from dgmlang.objectives.objective import Params, Values


def draw(built: Built, params: Params, key: Array, given: Values) -> Values:
    """All directed variables, those given as they are; ones by an energy or score must be given.

    Energies that are a Gaussian are drawn first: they read nothing that is drawn.

    Gradients pass through the draw where they pass through the laws.
    """
    values = dict(given)
    if built.facts.gaussian is not None:
        values |= _by_energies(built, params, key, given)
    for part in built.parts:
        missing = [name for name in part.variables if name not in values]
        if all(name in built.state_parts for name in missing):
            continue  # computed where they are read
        if isinstance(built.law(missing[0]), Repeated):
            keys = {name: site_key(key, name) for name in missing}
            laws = {name: built.law(name) for name in part.variables}
            inside = evaluation(built, params, values)
            values |= draw_in_loops(part, laws, keys, inside)
        else:
            for name in missing:
                values[name] = draw_one(built, params, site_key(key, name), values, name)
        if built.lengths:
            values |= close(built, evaluation(built, params, values))
    return {name: value for name, value in values.items() if name not in built.state_parts}


def _by_energies(built: Built, params: Params, key: Array, given: Values) -> Values:
    """The variables of Gaussian energies that are not given, from their law given the others."""
    if all(v.name in given for v in energy_variables(built.program)):
        return {}
    return gaussian(built, params, given, known=given).draw(site_key(key, ENERGY))


def draw_with_density(
    built: Built, params: Params, key: Array, given: Values
) -> tuple[Values, Array]:
    """All directed variables and the log density of the data, which comes with the draw.

    For laws with an exact density in which no latent is summed out; of one that is drawn entry by
    entry, or in loops, the density is evaluated afterwards.
    """
    inside = evaluation(built, params, dict(given))
    sequential = bool(built.lengths) or any(
        isinstance(built.law(n), Repeated) or past(built.law(n)) for n in built.directed
    )
    if sequential or any(r.rule != "change of variables" for r in built.facts.removed):
        values = draw(built, params, key, given)
        return values, log_prob(built, params, {**given, **values})
    for name in built.directed:
        variable = built.program.variables[name]
        drawn = sample(built.law(name), site_key(key, name), inside)
        inside.values[name] = stored(variable.type.kind, drawn)
    return {n: inside.values[n] for n in built.directed}, sum_of(terms_of(inside).values())


def past(law: Law) -> list[Past]:
    """Where a law reads its own past."""
    return [node for node in walk(*arguments(law)) if isinstance(node, Past)]


def draw_one(built: Built, params: Params, key: Array, values: Values, name: str) -> Array:
    """One variable given those that its law reads."""
    variable = built.program.variables[name]
    law = built.law(name)
    pasts = past(law)
    if pasts:
        order = built.orders.get(id(pasts[0]))
        return draw_sequentially(built, params, key, values, variable, order)
    inside = evaluation(built, params, values)
    return stored(variable.type.kind, sample(law, key, inside))


def draw_sequentially(
    built: Built,
    params: Params,
    key: Array,
    values: Values,
    variable: Variable,
    order: np.ndarray | None,
) -> Array:
    """Entry by entry in the order of the past, each from its law given the entries drawn so far.

    A step evaluates the whole law, draws every entry and keeps one: right because entries are
    independent given the past. As many passes through the law as there are entries.
    """
    law = built.law(variable.name)
    size = int(np.prod(numbers(variable.type.shape)))
    inner = numbers(variable.type.kind.inner)
    shape = numbers(variable.type.array_shape)
    order = np.arange(size) if order is None else order
    keys = jax.random.split(key, size)

    def step(position: Array, drawn: Array) -> Array:
        site = jnp.asarray(order)[position]
        now = {**values, variable.name: drawn.reshape(shape)}
        inside = replace(evaluation(built, params, now), open={variable.name})
        entries = sample(law, keys[position], inside).reshape(size, *inner)
        return drawn.at[site].set(entries[site].astype(drawn.dtype))

    blank = jnp.zeros((size, *inner), dtype(variable.type.kind))
    return jax.lax.fori_loop(0, size, step, blank).reshape(shape)


def site_key(key: Array, name: str) -> Array:
    """A key of the site's own, so that adding a site leaves the draws of others alone."""
    return jax.random.fold_in(key, crc32(name.encode()))

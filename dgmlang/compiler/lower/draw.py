"""Draws of the directed sites, each given those above it; entry by entry where it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.derive.incremental import calls_of
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.chains import draw_in_loops
from dgmlang.compiler.lower.domains import dtype, stored
from dgmlang.compiler.lower.evaluate import Evaluation, evaluation
from dgmlang.compiler.lower.joint import ENERGY, gaussian, terms_of
from dgmlang.compiler.lower.joint import total as sum_of
from dgmlang.compiler.lower.laws import sample, sample_alone
from dgmlang.compiler.lower.lengths import close
from dgmlang.compiler.lower.remove import log_prob
from dgmlang.compiler.lower.walks import arguments_of, by_entry, net_walk, of_entry
from dgmlang.compiler.program import Law, Repeated, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import past
from dgmlang.layers.follow import Followed, along
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


def draw_one(built: Built, params: Params, key: Array, values: Values, name: str) -> Array:
    """One variable given those that its law reads."""
    variable = built.program.variables[name]
    law = built.law(name)
    pasts = past(law)
    if pasts:
        keys = jax.random.split(key, order_of(built, name).size)
        return sequentially(built, params, values, name, keys, _drawn_entry)
    inside = evaluation(built, params, values)
    return stored(variable.type.kind, sample_alone(law, key, inside))


Choose = Callable[[Law, Evaluation, Any], Array]
"""(law of an entry, where its arguments are known, what is the entry's own) → its value."""


def sequentially(
    built: Built, params: Params, values: Values, name: str, own: Any, choose: Choose
) -> Array:
    """Entry by entry in the order of the past, each chosen by its law given the entries so far.

    Entries are independent given the past, so that an entry's law is that of its row of each
    argument. What is read entry by entry costs one pass in all; any other net one an entry.
    `own` has an entry of the order as its first axis.
    """
    variable, order = built.program.variables[name], order_of(built, name)
    walk, entry, inside = walk_of(built, params, values, name)

    def step(rows: Rows, own: Any) -> tuple[Array, Array]:
        chosen = choose(entry, inside.injected(rows), own)
        return stored(variable.type.kind, chosen), jnp.zeros(())

    entries, _ = along(walk, step, own)
    shape = numbers(variable.type.array_shape)
    return jnp.zeros_like(entries).at[order].set(entries).reshape(shape)


class Walked(NamedTuple):
    """How the entries of a variable follow one another.

    `walk` reads the arguments of `entry`, the law of one entry, which `inside` takes injected.
    """

    walk: Followed
    entry: Law
    inside: Evaluation


def walk_of(built: Built, params: Params, values: Values, name: str) -> Walked:
    """The walk along a variable whose law reads its own past."""
    variable, order = built.program.variables[name], order_of(built, name)
    law, inside = built.law(name), evaluation(built, params, values)
    walk = _by_nets(law, inside, variable, order)
    if walk is None:
        walk = _by_passes(built, params, values, variable, order)
    return Walked(walk, of_entry(law, len(numbers(variable.type.shape))), inside)


def _drawn_entry(law: Law, inside: Evaluation, key: Array) -> Array:
    return sample(law, key, inside)


def order_of(built: Built, name: str) -> np.ndarray:
    """Position in the order of a variable's past → flat site."""
    size = int(np.prod(numbers(built.program.variables[name].type.shape)))
    return built.orders.get(id(past(built.law(name))[0]), np.arange(size))


Rows = dict[int, Array]
"""What the arguments of a law are made of at one entry, by the id of the expression."""


def _by_passes(
    built: Built, params: Params, values: Values, variable: Variable, order: np.ndarray
) -> Followed:
    """The law's arguments by a pass an entry."""
    law, sites = built.law(variable.name), numbers(variable.type.shape)
    inner = numbers(variable.type.kind.inner)

    def read(drawn: Array, site: Array) -> tuple[Rows, Array]:
        now = {**values, variable.name: drawn.reshape(*sites, *inner)}
        inside = replace(evaluation(built, params, now), open={variable.name})
        return {
            id(e): by_entry(jnp.asarray(inside.value(e)), own, sites)[site]
            for e, own in arguments_of(law)
        }, drawn

    def add(drawn: Array, site: Array, entry: Array) -> Array:
        return drawn.at[site].set(entry)

    blank = jnp.zeros((order.size, *inner), dtype(variable.type.kind))
    return Followed(blank, jnp.asarray(order), read, add)


def _by_nets(
    law: Law, inside: Evaluation, variable: Variable, order: np.ndarray
) -> Followed | None:
    """The same where all that reads the past are nets that can be read entry by entry."""
    own = list(arguments_of(law))
    calls = {id(e): calls_of(e) for e, _ in own}
    reading = [call for found in calls.values() for call in found or ()]
    nets = {id(e.call): e.call for e in reading}
    walks = {i: net_walk(call, inside, variable) for i, call in nets.items()}
    found = {i: w for i, w in walks.items() if w is not None}
    if None in calls.values() or len(found) < len(walks):
        return None
    sites = numbers(variable.type.shape)
    others = {
        id(e): by_entry(jnp.asarray(inside.value(e)), rank, sites)[order]
        for e, rank in own
        if not calls[id(e)]
    }

    def read(states: Any, step: Any) -> tuple[Rows, Any]:
        rows, steps = step
        read = {i: w.read(states[i], steps[i]) for i, w in found.items()}
        shown = {id(e): read[id(e.call)][0][e.head] for e in reading}
        return {**rows, **shown}, {i: state for i, (_, state) in read.items()}

    def add(states: Any, step: Any, entry: Array) -> Any:
        return {i: w.add(states[i], step[1][i], entry) for i, w in found.items()}

    start = {i: w.start for i, w in found.items()}
    return Followed(start, (others, {i: w.steps for i, w in found.items()}), read, add)


def site_key(key: Array, name: str) -> Array:
    """A key of the site's own, so that adding a site leaves the draws of others alone."""
    return jax.random.fold_in(key, crc32(name.encode()))

"""The law of one variable given others: probabilities, or a mean and a standard deviation.

| what is asked for | way | kind |
| --- | --- | --- |
| finite sites of few joint states | a table of them, weighed by the joint density | exact |
| finite entries that are independent given the latents | each level of each, weighed | exact |
| reals that are Gaussian given finite sites | the mixture's moments | exact |
| anything else | draws | estimate |
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.diagnostics.codes import conditionals as codes
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices, stored
from dgmlang.evaluate.completing import (
    Known,
    based,
    completed,
    known_of,
    leaf_masks,
    masked,
)
from dgmlang.evaluate.conditional import Conditional, conditional
from dgmlang.evaluate.conditions import examples
from dgmlang.evaluate.parts import parts
from dgmlang.evaluate.prediction import Prediction, of_draws, of_levels, of_moments
from dgmlang.evaluate.weighing import log_weight, table, weighed
from dgmlang.objectives.objective import Params, Values
from dgmlang.runtime.progress import shown_by

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted

DRAWS = 256
"""Draws an example behind an estimate."""


def predict(
    fitted: AbstractFitted, name: str, given: Mapping[str, Any], draws: int, seed: int
) -> Prediction:
    """The law of `name` given the rest: see `Fitted.predict`."""
    program = fitted.model.plan.program
    asked = {v.name: v for v in program.having("data", "latent")}
    if name not in asked:
        raise DgmError(queries.unknown_choice("variable", name, asked))
    found = parts(fitted, given)
    at = known_of(fitted, found, examples(fitted, found.values))
    latent = asked[name].role == "latent"
    if name in at.values and name not in at.missing:
        raise DgmError(codes.nothing_to_predict(name, program.name))
    wanted = {name} if latent else set()
    how = conditional(fitted.model, at.unknown(fitted), at.latents(fitted), wanted)
    exactly = _exactly(fitted, how, name, at)
    if exactly is not None:
        return exactly
    if draws < 2:
        raise DgmError(queries.wrong_draws(draws))
    several = Known(
        at.n * draws,
        {n: jnp.repeat(a, draws, axis=0) for n, a in at.values.items()},
        {n: np.repeat(a, draws, axis=0) for n, a in at.missing.items()},
    )
    drawn = completed(fitted, several, None, jax.random.key(seed), shown_by(False))
    values = np.asarray(drawn.values[name])
    each = values.reshape(at.n, draws, *values.shape[1:])
    return of_draws(fitted, asked[name], each, f"{draws} draws; {drawn.how}")


# ── exactly ──────────────────────────────────────────────────────────────────────────────────────


def _exactly(fitted: AbstractFitted, how: Conditional, name: str, at: Known) -> Prediction | None:
    """None where no table serves."""
    way = how.exactly(name, at.counts(), at.n)
    if way is None:
        return None
    values, found = masked(how, at, based(how, at)), table(how, at.missing, at.n)
    args = (found.states, fitted.raw, jnp.asarray(found.sites), jnp.asarray(found.levels), values)
    states = f"{found.states:,} state{'s' * (found.states > 1)}"
    if way == "levels":
        size, levels = how.size(name), how.levels(name)
        logs = np.asarray(_by_level(how, name, *args))
        gone = np.asarray(leaf_masks(how, at)[name]).reshape(at.n, size)
        weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
        each = np.where(gone[..., None], weights / weights.sum(axis=-1, keepdims=True), 0.0)
        return _finite(fitted, how, name, at, each, f"{levels} levels, {states} summed in each")
    if way == "table":
        start = sum(how.size(n) for n in how.finite[: how.finite.index(name)])
        every = np.asarray(weighed(how, *args).levels)
        each = every[:, start : start + how.size(name), : how.levels(name)]
        return _finite(fitted, how, name, at, each, f"a table of {states}")
    said = weighed(how, *args)
    split = ravel_pytree({n: values[n][0] for n in how.reals})[1]
    mean, variance = (jax.vmap(split)(a)[name] for a in (said.means, said.variances))
    told = "a Gaussian" if found.states == 1 else f"a mixture of {found.states:,} Gaussians"
    deviation = np.sqrt(np.asarray(variance))
    best = found.states == 1
    return of_moments(fitted, name, np.asarray(mean), deviation, "exact", told, best=best)


def _finite(
    fitted: AbstractFitted, how: Conditional, name: str, at: Known, each: np.ndarray, told: str
) -> Prediction:
    """Probabilities [n, sites, levels] of what is missing; what is known has probability one."""
    variable = how.variable(name)
    sites = np.abs(each).sum(axis=-1) > 0
    if name in at.values:
        seen = np.asarray(at.values[name]).reshape(at.n, -1)
        exactly = seen[..., None] == np.asarray(choices(variable.type.kind))
        each = np.where(sites[..., None], each, exactly)
    return of_levels(fitted, variable, each, "exact", told)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _by_level(
    how: Conditional, name: str, count: int, params: Params, sites: Array, levels: Array,
    values: Values,
) -> Array:  # fmt: skip
    """The log p(entry = level, what is known) [n, entries, levels] of each entry alone."""
    kind = how.variable(name).type.kind
    every = stored(kind, np.array(choices(kind)))

    def one(example: tuple[Array, Array, Values]) -> Array:
        sites, levels, values = example

        def at(entry: Array, level: Array) -> Array:
            flat = values[name].reshape(-1).at[entry].set(level.astype(values[name].dtype))
            here = {**values, name: flat.reshape(values[name].shape)}
            return log_weight(how, count, params, sites, levels, here)

        return jax.lax.map(lambda i: jax.vmap(partial(at, i))(every), jnp.arange(how.size(name)))

    return jax.lax.map(one, (sites, levels, values))

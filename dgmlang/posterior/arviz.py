"""Chains over the parameters as ArviZ keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import posterior as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import sampler as named_sampler
from dgmlang.evaluate.groups import DIMS, group
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.draws import TOGETHER, Draws, densities
from dgmlang.runtime import paths
from dgmlang.samplers.sampler import AbstractSampler

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted
    from dgmlang.posterior.chains import Chains

STATISTICS = {"acceptance": "acceptance_rate", "steps": "n_steps"}
"""ArviZ's names of what our chains note of their transitions, where they differ."""


def of_chains(fitted: Fitted, chains: Chains, data: Any, draws: int | None, seed: int) -> Any:
    """The groups of draws [chain, draw, …]; with data also what these say of each example.

    `draws` keeps so many of each chain, evenly; None keeps all.
    """
    chains = chains if draws is None else chains.thinned(draws)
    how = fitted.objective
    held = {**paths.named(chains.params)}
    groups = {"posterior": group(held, DIMS[:2], "draws", how)}
    if chains.latents:
        latents = group(chains.latents, DIMS, "draws", how)
        groups["posterior"] = groups["posterior"].merge(latents, combine_attrs="override")
    told = {STATISTICS.get(n, n): a for n, a in chains.statistics.items()}
    if told:
        groups["sample_stats"] = group(told, DIMS[:2], "facts", how)
    return groups if data is None else {**groups, **_of_data(fitted, chains, data, seed)}


def _of_data(fitted: Fitted, chains: Chains, data: Any, seed: int) -> Mapping[str, Any]:
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    values, _ = fitted.inlet.values(program, data)
    n, shape = size(values), chains.shape
    if any(moved.shape[2] != n for moved in chains.latents.values()):
        raise DgmError(codes.new_latents(tuple(chains.latents), fitted.objective, codes.IN_CHAINS))
    kept = fitted._drawn_at(chains)
    own = {v.name: np.asarray(values[v.name]) for v in program.having("data")}
    constant = {v.name: np.asarray(values[v.name]) for v in program.having("given")}
    again, how = _again(fitted, kept, chains, values, seed)
    scaled = fitted.inlet.invert({k: a.reshape(-1, *a.shape[2:]) for k, a in again.items()})
    split = {k: a.reshape(*shape, n, *a.shape[1:]) for k, a in scaled.items()}
    groups = {
        "posterior_predictive": group(split, DIMS, "draws", how),
        "observed_data": group(fitted.inlet.invert(own), DIMS[2:], "data", "as given"),
    }
    if constant:
        groups["constant_data"] = group(constant, DIMS[2:], "data", "as the model sees them")
    if lowered.unguided.facts.density.value == "exact":
        found = densities(lowered.unguided, kept, values).reshape(*shape, n)
        name = next(iter(own)) if len(own) == 1 else "log_prob"
        groups["log_likelihood"] = group({name: found}, DIMS, "exact", "log p at each draw")
    return groups


def _again(
    fitted: Fitted, draws: Draws, chains: Chains, values: Values, seed: int
) -> tuple[dict[str, np.ndarray], str]:
    """The data drawn again at each draw [draws, n, …], and how."""
    method, program = named_sampler(fitted.model.plan, None), fitted.model.plan.program
    sampler = fitted._sampler(fitted.model.lowered, method)
    givens = {v.name: values[v.name] for v in program.having("given")}
    latents = {n: jnp.asarray(a.reshape(-1, *a.shape[2:])) for n, a in chains.latents.items()}
    keys = jax.random.split(jax.random.key(seed), draws.count)
    found = _drawn(sampler, size(values), draws.moved, draws.fixed, keys, latents, givens)
    return {v.name: np.asarray(found[v.name]) for v in program.having("data")}, str(method)


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(
    sampler: AbstractSampler,
    n: int,
    moved: Params,
    fixed: Params,
    keys: Array,
    latents: Values,
    givens: Values,
) -> Values:
    def one(at: tuple[Params, Array, Values]) -> Values:
        params, key, latents = at
        return sampler.drawn({**fixed, **params}, key, n, {**givens, **latents})[0]

    return jax.lax.map(one, (moved, keys, latents), batch_size=TOGETHER)

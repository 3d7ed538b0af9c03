"""A fitted model's draws as ArviZ keeps them: posterior, predictive, data and likelihood."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import ways_to_log_prob
from dgmlang.compiler.plan.methods import sampler as named_sampler
from dgmlang.evaluate.draws import codes_of_data, draw_latents, latents, without_posterior
from dgmlang.evaluate.groups import DIMS, group
from dgmlang.evaluate.log_prob import EXAMPLES
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.arviz import of_chains
from dgmlang.samplers.sampler import AbstractDirect

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

DRAWS = 500
"""Draws of each example unless the caller says how many."""


def inference_data(fitted: Fitted, data: Any, draws: int | None, seed: int) -> Any:
    """The groups that `Fitted.to_arviz` describes, as an `arviz.InferenceData`.

    Raises:
        DgmError: DGM0808 where a latent has no posterior, DGM0818 without ArviZ, DGM0820 for a
            variable with the name of a dimension, DGM0821 for givens without data,
            DGM0822 for a latent that loops sum turn by turn.
    """
    program = fitted.model.plan.program
    try:
        with warnings.catch_warnings():
            # It announces its next version whenever it is imported first.
            warnings.simplefilter("ignore", FutureWarning)
            import arviz
    except ImportError as error:
        raise DgmError(codes.needs_package("to_arviz", "arviz", "arviz")) from error
    for variable in program.having("data", "given", "latent", "param"):
        if variable.name in DIMS:
            raise DgmError(codes.name_of_dimension(variable.span, variable.name))
    if draws is not None and (not isinstance(draws, int) or draws < 1):
        raise DgmError(codes.wrong_draws(draws))
    if fitted._drawn_params is not None and fitted.chains is not None:
        return arviz.InferenceData(**of_chains(fitted, fitted.chains, data, draws, seed))
    groups = _of_data if data is not None else _of_model
    return arviz.InferenceData(**groups(fitted, data, draws or DRAWS, seed))


def _of_model(fitted: Fitted, _: None, draws: int, seed: int) -> dict[str, Any]:
    """What the model says before it has seen an example."""
    program = fitted.model.plan.program
    givens = [v.name for v in program.having("given")]
    if givens:
        raise DgmError(codes.givens_without_data(givens, program.name))
    drawn = fitted.draws(draws, seed=seed)
    how = next(iter(drawn.values())).method
    latent = {n: drawn[n].value for n in latents(program)}
    seen = {v.name: drawn[v.name].value for v in program.having("data")}
    groups = {"prior": latent, "prior_predictive": fitted.inlet.invert(seen)}
    return {
        name: group({n: a[None] for n, a in arrays.items()}, DIMS[:2], "draws", how)
        for name, arrays in groups.items()
        if arrays
    }


def _of_data(fitted: Fitted, data: Any, draws: int, seed: int) -> dict[str, Any]:
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    for removal in lowered.facts.removed:
        if removal.turns is not None:
            span = program.variables[removal.variable].span
            raise DgmError(codes.no_joint_draw(span, removal.variable))
    if without_posterior(lowered):
        raise DgmError(codes.no_posterior(program.name, True))
    values, _ = fitted.inlet.values(program, data)
    latent, again, how = _drawn(fitted, values, draws, seed)
    own = {v.name: np.asarray(values[v.name]) for v in program.having("data")}
    constant = {v.name: np.asarray(values[v.name]) for v in program.having("given")}
    groups = {
        "posterior_predictive": group(again, DIMS, "draws", how),
        "observed_data": group(fitted.inlet.invert(own), DIMS[2:], "data", "as given"),
    }
    if latent:
        guided = lowered.program.guide is not None
        near = "draws of the guide, which is near the posterior"
        groups["posterior"] = group(latent, DIMS, "draws", near if guided else "exact draws")
    if constant:
        groups["constant_data"] = group(constant, DIMS[2:], "data", "as the model sees them")
    known = fitted.model.plan.facts.normaliser.value != "unknown"
    if "exact" in ways_to_log_prob(fitted.model.plan) and known:
        found = fitted.log_prob(data)
        each = np.broadcast_to(found.value, (1, draws, len(found)))
        name = next(iter(own)) if len(own) == 1 else "log_prob"
        how = "log p of each example, its latents removed: the same in every draw"
        groups["log_likelihood"] = group({name: each}, DIMS, "exact", how)
    return groups


def _drawn(
    fitted: Fitted, values: Values, draws: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Latents given the data, the data drawn again, both [1, draws, examples, …], and how."""
    plan = fitted.model.plan
    method = named_sampler(plan, None)
    keys = jax.random.split(jax.random.key(seed), draws)

    def run(lowered: Lowered) -> tuple[Values, Values]:
        return _every(lowered, fitted._sampler(lowered, method), fitted.raw, keys, values)

    latent, again = fitted.model.lowered.sound(run)
    n = size(values)
    flat = {k: np.asarray(a).reshape(draws * n, *a.shape[2:]) for k, a in again.items()}
    scaled = fitted.inlet.invert(flat)
    note = fitted._sampler(fitted.model.lowered, method).note
    return (
        {k: np.asarray(a)[None] for k, a in latent.items()},
        {k: a.reshape(1, draws, n, *a.shape[1:]) for k, a in scaled.items()},
        f"{method}; {note}" if note else str(method),
    )


@partial(jax.jit, static_argnums=(0, 1))
def _every(
    lowered: Lowered, sampler: AbstractDirect, params: Params, keys: Array, values: Values
) -> tuple[Values, Values]:
    """For each key the latents given the data, and data drawn again given those latents.

    A code that bijections make of an example is not held, since it would give the example back.
    """
    program, n = lowered.program, size(values)
    held = set(latents(program)) - set(codes_of_data(lowered))
    givens = {v.name: values[v.name] for v in program.having("given")}

    def one(key: Array) -> tuple[Values, Values]:
        first, second = jax.random.split(key)
        each = jax.vmap(lambda key, one: draw_latents(lowered, params, key, one))
        found = each(jax.random.split(first, n), values)
        given = givens | {name: found[name] for name in held}
        again, _ = sampler.drawn(params, second, n, given)
        return found, {v.name: again[v.name] for v in program.having("data")}

    return jax.lax.map(one, keys, batch_size=max(1, EXAMPLES // n))

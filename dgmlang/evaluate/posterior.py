"""What data say of a model's latents: probabilities, codes, or draws, by how each latent goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Removal
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Read
from dgmlang.compiler.types.dims import numbers
from dgmlang.evaluate.refine import refined_draws
from dgmlang.evaluate.result import Result, draws, only
from dgmlang.evaluate.sound import sound_at
from dgmlang.objectives.local import LOCAL, Gaussians
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted

GUIDE = "one draw an example of the guide, which is near the posterior"


def answers(
    lowered: Lowered, params: Params, values: Values, key: Array, refine: int = 0
) -> dict[str, Result]:
    """The posterior of each latent that has one; values have a leading axis of examples."""
    found: dict[str, Result] = {}
    removed, guide = lowered.facts.removed, lowered.program.guide
    latents = {} if guide is None else guided(lowered, params, values, key)
    if refine and guide is not None:
        latents |= refined_draws(lowered, params, values, key, refine)
    # What is summed out has its exact posterior given the latents that are left to a bound.
    bounded = bool(lowered.facts.bounded)
    held, answer = ({**values, **latents}, _given_guide) if bounded else (values, _exact)
    if any(r.turns or r.elimination for r in removed):
        turned = jax.vmap(lowered.turn_marginals, in_axes=(None, 0))(params, held)
        found |= {n: answer(a, "probabilities of the levels") for n, a in turned.items()}
    if any(r.rule == "sum" and r.turns is None for r in removed):
        marginals = jax.vmap(partial(_marginals, lowered), in_axes=(None, 0))(params, held)
        found |= {n: answer(a, "probabilities of the levels") for n, a in marginals.items()}
    if any(r.rule == CLOSED_FORM for r in removed):
        means = jax.vmap(partial(_means, lowered), in_axes=(None, 0))(params, held)
        found |= {n: answer(a, "mean of the Gaussian posterior") for n, a in means.items()}
    for removal in removed:
        if removal.rule == "change of variables":
            found[removal.variable] = _exact(_codes(lowered, params, values, removal), "inverse")
        elif removal.rule == "free energy":
            drawn = _drawn(lowered, params, values, removal, key)
            found[removal.variable] = _draw(drawn, "a draw given the data")
    if guide is not None:
        how = f"one draw an example of its own Gaussian, after {refine} steps" if refine else GUIDE
        found |= {n: _draw(latents[n], how) for n in guide.laws}
    return found


def trained_on(lowered: Lowered, params: Params, key: Array) -> dict[str, Result]:
    """A draw of each training example's own posterior, of a fit that has them (`LOCAL`)."""
    gaussians = Gaussians(lowered)
    latents, _ = gaussians.placed(params[LOCAL], gaussians.noise(params[LOCAL], key))
    return {n: _draw(a, "one draw of each training example's own") for n, a in latents.items()}


def guided(lowered: Lowered, params: Params, values: Values, key: Array) -> Values:
    """One draw of the guide for each example."""
    keys = jax.random.split(key, len(next(iter(values.values()))))
    return jax.vmap(lowered.guide_draw, in_axes=(None, 0, 0))(params, keys, values)[0]


def reconstruction(fitted: AbstractFitted, data: Any, seed: int) -> Any:
    """The data drawn again from a draw of the guide (DGM0808 without one)."""
    lowered, program = fitted.model.lowered, fitted.model.plan.program
    if program.guide is None:
        raise DgmError(codes.no_posterior(fitted.model.name, bool(program.having("latent"))))
    values, _ = fitted.inlet.values(program, data)
    key = jax.random.key(seed)
    latents = lowered.sound(lambda lowered: guided(lowered, fitted.raw, values, key))
    sound_at(fitted, {**values, **latents}, guide=True)
    givens = {v.name: values[v.name] for v in program.having("given")}
    count = len(next(iter(values.values())))
    keys = jax.random.split(jax.random.key(seed + 1), count)

    def run(lowered: Lowered) -> Values:
        draw = jax.vmap(lowered.draw, in_axes=(None, 0, 0))
        return draw(fitted.raw, keys, {**givens, **latents})

    drawn = lowered.sound(run)
    sound_at(fitted, drawn)
    again = {v.name: np.asarray(drawn[v.name]) for v in program.having("data")}
    return only(draws(fitted.inlet.invert(again), f"ancestral, from {GUIDE}"))


def _marginals(lowered: Lowered, params: Params, values: Values) -> Values:
    """P(latent = level | data) of each latent that was summed out, one example."""
    states, log_weights = lowered.responsibilities(params, values)
    weights = jnp.exp(log_weights)
    found: Values = {}
    for name, levels in states.items():
        every = choices(lowered.program.variables[name].type.kind)
        spread = jnp.stack([levels == level for level in every], axis=-1).astype(weights.dtype)
        found[name] = jnp.tensordot(weights, spread, axes=1)
    return found


def _means(lowered: Lowered, params: Params, values: Values) -> Values:
    """E[latent | data] of the latents that go in closed form, one example."""
    if not any(r.rule == "sum" and r.turns is None for r in lowered.facts.removed):
        return lowered.gaussian_means(params, values)
    states, log_weights = lowered.responsibilities(params, values)
    each = jax.vmap(lambda state: lowered.gaussian_means(params, {**values, **state}))(states)
    return jax.tree.map(lambda a: jnp.tensordot(jnp.exp(log_weights), a, axes=1), each)


def _codes(lowered: Lowered, params: Params, values: Values, removal: Removal) -> Array:
    """The latent that bijections turn into the data."""
    variable = lowered.program.variables[removal.variable]
    latent = Read(variable.name, type=variable.type, span=variable.span)
    return jax.vmap(lambda one: lowered.evaluate(params, latent, one))(values)


def _drawn(lowered: Lowered, params: Params, values: Values, removal: Removal, key: Array) -> Array:
    """One draw an example of a latent that the energy is affine in."""
    keys = jax.random.split(key, len(next(iter(values.values()))))
    each = jax.vmap(lambda key, one: freed_draw(lowered, params, key, one)[removal.variable])
    return each(keys, values)


def freed_draw(lowered: Lowered, params: Params, key: Array, values: Values) -> Values:
    """One example's latents that the energy is affine in, from their Gibbs blocks given the rest.

    Exact, since those that go by their free energies do not meet each other.
    """
    names = [r.variable for r in lowered.facts.removed if r.rule == "free energy"]
    shapes = {n: numbers(lowered.program.variables[n].type.array_shape) for n in names}
    current = {**values, **{name: jnp.zeros(shape) for name, shape in shapes.items()}}
    blocks = [b for b in lowered.blocks if set(b.variables) <= set(names)]
    for number, block in enumerate(blocks):
        key_here = jax.random.fold_in(key, number)
        current = {**current, **lowered.update(params, key_here, current, block)}
    return {name: current[name] for name in names}


def _given_guide(array: Array, method: str) -> Result:
    return _draw(array, f"{method}, given {GUIDE}")


def _exact(array: Array, method: str) -> Result:
    return Result(array, "exact", None, method)


def _draw(array: Array, method: str) -> Result:
    return Result(array, "draws", None, method)

"""The importance-weighted bound, doubly reparameterised; VIMCO where a latent is not pathwise."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.guide import carries
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import along, keyed, mean
from dgmlang.objectives.bound import log_weight, with_gradient_of
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    everything,
    nothing,
    stateless,
)
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements


@implements("objective", "iwae")
def iwae(lowered: Lowered, *, k: int = 8) -> Objective:
    """−log (1/k) Σᵢ wᵢ with wᵢ = p(x, zᵢ)/q(zᵢ | x), zᵢ ~ q.

    The guide's gradient is doubly reparameterised: it does not vanish in noise as k grows. Bounds
    of different k do not compare. A step costs k passes of model and guide an example.

    Source: Burda et al. 2016, arXiv 1509.00519; Tucker et al. 2019, arXiv 1810.04152; for latents
    that are not pathwise Mnih & Rezende 2016, arXiv 1602.06725.
    """
    pathwise = all(latent.gradient == "pathwise" for latent in lowered.facts.bounded)
    guide = lowered.program.guide
    density_taken = guide is not None and any(map(carries, guide.laws.values()))
    estimate = (
        vimco if not pathwise else reparameterised if density_taken else doubly_reparameterised
    )

    def bound(params: Params, key: Array, values: Values) -> tuple[Array, Array]:
        return estimate(lowered, params, jax.random.split(key, k), values)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        bounds, effective = keyed(bound)(params, key, batch)
        return -mean(bounds, batch), (state, {"effective_particles": jnp.mean(effective)})

    return with_priors(
        lowered,
        Objective(
            name="iwae",
            quantity=f"negative importance-weighted ELBO of {k} particles, a bound",
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=stateless,
            validate=lambda params, values, key: -keyed(bound)(params, key, values)[0],
        ),
    )


def log_mean_exp(log_weights: Array) -> Array:
    """The log of the mean of the weights [k]."""
    return jax.nn.logsumexp(log_weights) - jnp.log(float(log_weights.shape[0]))


def doubly_reparameterised(
    lowered: Lowered, params: Params, keys: Array, values: Values
) -> tuple[Array, Array]:
    """The bound of one example and its effective number of particles.

    With w̃ᵢ = wᵢ / Σ w the gradient is Σ w̃ᵢ ∂log p(x, zᵢ)/∂w directly, plus Σ w̃ᵢ² ∂log wᵢ/∂zᵢ
    ∂zᵢ/∂w through the draws, with the parameters of log q held fixed.
    """
    draw = jax.vmap(lowered.guide_draw, in_axes=(None, 0, None))
    latents, _ = draw(params, keys, values)
    latents, zeros = weight_twice(latents, _zeros(latents))

    def weigh(particle: Values) -> Array:
        fixed = jax.lax.stop_gradient(params)
        return log_weight(lowered, params, {**values, **particle}, fixed)

    log_weights = jax.vmap(weigh)(latents) + zeros
    return log_mean_exp(log_weights), _effective(log_weights)


def reparameterised(
    lowered: Lowered, params: Params, keys: Array, values: Values
) -> tuple[Array, Array]:
    """The same with the plain gradient, for draws that take their log density along.

    That cannot be had at fixed parameters of the guide.
    """

    def weigh(key: Array) -> Array:
        latents, _ = lowered.guide_draw(params, key, values)
        return log_weight(lowered, params, {**values, **latents}, params)

    log_weights = jax.vmap(weigh)(keys)
    return log_mean_exp(log_weights), _effective(log_weights)


@jax.custom_vjp
def weight_twice(latents: Values, zeros: Array) -> tuple[Values, Array]:
    """The identity, whose gradient with respect to particle i is multiplied by w̃ᵢ once more.

    `zeros` [k] are to be added to the log-weights: their cotangents are then the w̃ᵢ (times what
    comes from outside), so that the weights need not be computed before the draws are used.
    """
    return latents, zeros


def _forward(latents: Values, zeros: Array) -> tuple[tuple[Values, Array], None]:
    return (latents, zeros), None


def _backward(_: None, cotangents: tuple[Any, Array]) -> tuple[Any, Array]:
    latents, weights = cotangents
    outside = jnp.sum(weights)
    share = jnp.where(outside == 0, 0.0, weights / jnp.where(outside == 0, 1.0, outside))
    twice = jax.tree.map(lambda leaf: leaf * along(share, leaf), latents)
    return twice, jnp.zeros_like(weights)


weight_twice.defvjp(_forward, _backward)


def vimco(lowered: Lowered, params: Params, keys: Array, values: Values) -> tuple[Array, Array]:
    """The bound of one example by the score function, each particle's baseline from the others.

    In the baseline of particle i its log-weight is replaced by the mean of the others'.
    """
    draw = jax.vmap(lowered.guide_draw, in_axes=(None, 0, None))
    latents = jax.lax.stop_gradient(draw(params, keys, values)[0])

    def weigh(particle: Values) -> tuple[Array, Array]:
        full = {**values, **particle}
        return log_weight(lowered, params, full, params), lowered.guide_log_prob(params, full)

    log_weights, log_q = jax.vmap(weigh)(latents)
    bound = log_mean_exp(log_weights)
    signal = jax.lax.stop_gradient(bound - _without_each(log_weights))
    return with_gradient_of(bound, jnp.sum(signal * log_q)), _effective(log_weights)


def _without_each(log_weights: Array) -> Array:
    """For each particle the bound with its log-weight replaced by the mean of the others'."""
    k = log_weights.shape[0]
    others = (jnp.sum(log_weights) - log_weights) / max(k - 1, 1)
    own = jnp.eye(k, dtype=bool)
    replaced = jnp.where(own, others[:, None], log_weights[None, :])
    return jax.vmap(log_mean_exp)(replaced)


def _zeros(latents: Values) -> Array:
    """A zero for each particle, computed from the draws.

    A constant would be one array for all examples of a `vmap`, and its cotangent their sum: then
    every example would have the weights of the whole batch.
    """
    leaves = jax.tree.leaves(latents)
    unknown = [jnp.isnan(leaf).reshape(len(leaf), -1).any(axis=1) for leaf in leaves]
    return jnp.where(jnp.stack(unknown).any(axis=0), 0.0, 0.0)


def _effective(log_weights: Array) -> Array:
    """(Σ w)² / Σ w², between 1 and k."""
    weights = jax.nn.softmax(jax.lax.stop_gradient(log_weights))
    return 1.0 / jnp.sum(weights**2)

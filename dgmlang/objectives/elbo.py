"""The evidence lower bound, with one gradient estimator a latent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import agrees, lacking, mask
from dgmlang.evaluate.states import numbered, total_states, whole
from dgmlang.objectives.batch import keyed, mean, over
from dgmlang.objectives.bound import (
    bounded_by,
    leave_one_out,
    log_weight,
    reconstruction_and_kl,
    splits,
    total,
    with_gradient_of,
)
from dgmlang.objectives.mle import mle
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
from dgmlang.objectives.prior import NegativePhase, log_constant, log_prior, needs_chains
from dgmlang.objectives.priors import with_priors
from dgmlang.objectives.variables import only
from dgmlang.registry import implements


@implements("objective", "elbo")
def elbo(lowered: Lowered, *, samples: int = 0, beta: float = 1.0) -> Objective:
    """−E_q[log p(x | z) − beta · (log q(z | x) − log p(z))].

    Gradients pass through the draws of `pathwise` latents; `enumerate` latents are summed over all
    their states, one network pass a state; `reinforce` latents take the score-function estimator
    with the mean of the other draws as its baseline. All three are unbiased. Where a KL is known
    in closed form it replaces its estimate. A prior by a score enters by its denoising bound, one
    by an energy with a negative phase (`prior`).

    Args:
        lowered: The model, with a guide for each bounded latent.
        samples: Draws of the guide an example; 0: one, or four where a latent takes REINFORCE.
        beta: The weight of the KL; below 1 the result is no bound.

    Source: Kingma & Welling 2014, arXiv 1312.6114; Higgins et al. 2017; leave-one-out baseline:
    Kool, van Hoof & Welling 2019.
    """
    if not lowered.facts.bounded:
        name = "negative log-likelihood, exact (no latent is left to a bound)"
        return with_priors(lowered, replace(mle(lowered), name="elbo", quantity=name))
    if beta != 1 and not splits(lowered):
        raise DgmError(queries.weighted_kl(lowered.facts.removed[0].variable, beta))
    draws = samples or (4 if bounded_by(lowered, "reinforce") else 1)
    estimate = keyed(_estimator(lowered, draws, beta))
    bound = keyed(_estimator(lowered, draws, 1.0))
    phase = NegativePhase(lowered) if needs_chains(lowered) else None

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        values, kl = estimate(params, key, batch)
        value, metrics = -mean(values, batch), {"kl": mean(kl, batch)} if splits(lowered) else {}
        if phase is None:
            return value, (state, metrics)
        negative, state, facts = phase(params, state, jax.random.fold_in(key, 1))
        return value + beta * negative, (state, {**metrics, **facts})

    return with_priors(
        lowered,
        Objective(
            name="elbo",
            quantity=_quantity(beta, known=phase is None),
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=phase.start if phase else stateless,
            # Up to log Z a bound cannot be compared with that of other parameters.
            validate=None if phase else lambda params, values, key: -bound(params, key, values)[0],
        ),
    )


def _quantity(beta: float, *, known: bool) -> str:
    if not known:
        return "negative ELBO up to the energy's log Z, not a bound"
    if beta == 1:
        return "negative ELBO, a bound"
    return f"negative ELBO with beta = {beta:g}, " + ("a bound" if beta > 1 else "not a bound")


def _estimator(
    lowered: Lowered, samples: int, beta: float
) -> Callable[[Params, Array, Values], tuple[Array, Array]]:
    """(params, key, values) → (bound, KL) of one example, the bound with its gradient estimator."""
    every = over(_one_draw(lowered, beta), (None, 0, None), samples)

    def estimate(params: Params, key: Array, values: Values) -> tuple[Array, Array]:
        keys = jax.random.split(key, samples) if samples > 1 else key[None]
        weights, bounds, kls, scores = every(params, keys, values)
        each = jnp.sum(weights * bounds, axis=1)
        baseline = leave_one_out(jax.lax.stop_gradient(each))
        advantage = jax.lax.stop_gradient(weights * (bounds - baseline[:, None]))
        surrogate = jnp.mean(jnp.sum(advantage * scores, axis=1))
        kl = jnp.mean(jnp.sum(weights * kls, axis=1))
        return with_gradient_of(jnp.mean(each), surrogate), kl

    return estimate


def _one_draw(
    lowered: Lowered, beta: float
) -> Callable[[Params, Array, Values], tuple[Array, Array, Array, Array]]:
    """(params, key, values) → weight, bound, KL and log q of the reinforced latents, by state.

    The axis is that of the joint states of the enumerated latents (one where there are none), their
    weights being the guide's probabilities; of data, those of what the example lacks. All states
    share the key, so that a latent drawn above an enumerated one is the same in each.
    """
    enumerated, reinforced = (bounded_by(lowered, g) for g in ("enumerate", "reinforce"))
    sites = tuple(whole(lowered.program.variables[name]) for name in enumerated)
    states = jnp.arange(round(2 ** total_states(sites)))

    def at_state(
        params: Params, key: Array, values: Values, number: Array
    ) -> tuple[Array, Array, Array, Array]:
        state = numbered(sites, number) if sites else {}
        seen = {name: values[name] for name in state if name in values}
        given = {**values, **state, **{mask(n): lacking(a) for n, a in seen.items()}}
        if splits(lowered):
            drawn = lowered.guided(params, key, given, reinforced)
            log_q, (reconstruction, kl) = drawn.log_q, reconstruction_and_kl(lowered, drawn)
            full = {**given, **drawn.latents}
            kl += log_constant(lowered, params, full) - log_prior(lowered, params, key, full)
            bound = reconstruction - beta * kl
        else:
            latents, _ = lowered.guide_draw(params, key, given)
            full = {**given, **latents, **jax.lax.stop_gradient(only(latents, reinforced))}
            log_q, kl = lowered.guide_terms(params, full), jnp.zeros(())
            bound = log_weight(lowered, params, full, params)
            bound += log_prior(lowered, params, key, full)
        weight = jnp.exp(total([log_q[name] for name in enumerated]))
        for name, held in seen.items():
            weight = jnp.where(agrees(state[name], held), weight, 0.0)
        return weight, bound, kl, total([log_q[name] for name in reinforced])

    every = over(at_state, (None, None, None, 0), len(states))
    return lambda params, key, values: every(params, key, values, states)

"""The evidence lower bound, with one gradient estimator a latent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries, refining
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import agrees, lacking, mask
from dgmlang.evaluate.states import numbered, total_states, whole
from dgmlang.objectives.batch import keyed, mean, over
from dgmlang.objectives.bound import (
    bounded_by,
    leave_one_out,
    log_weight,
    reconstruction_and_kls,
    splits,
    total,
    with_gradient_of,
)
from dgmlang.objectives.gradients import AUTO, SOFT, with_gradient
from dgmlang.objectives.local import local
from dgmlang.objectives.meanfield import meanfield
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
from dgmlang.objectives.relaxed import relaxed, straight_through
from dgmlang.objectives.variables import only
from dgmlang.registry import implements

TEMPERATURE = 0.5
"""Of relaxed draws, where none is asked for."""

POINT = "point"
AMORTISED, LOCAL = "amortised", "local"
"""Where an example's posterior comes from: one guide of all, or parameters of its own."""

OVER_PARAMS = {POINT: with_priors, "meanfield": meanfield}
"""How the params that have a prior are treated."""


@implements("objective", "elbo")
def elbo(
    lowered: Lowered,
    *,
    samples: int = 0,
    gradient: str = AUTO,
    beta: float = 1.0,
    free_bits: float = 0.0,
    temperature: float = 0.0,
    params: str = POINT,
    guide: str = AMORTISED,
) -> Objective:
    """−E_q[log p(x | z)] + beta · Σ_z max(free_bits, E_q[log q(z | x) − log p(z)]).

    Gradients pass through the draws of `pathwise` latents; `enumerate` latents are summed over all
    their states, one network pass a state; `reinforce` latents take the score-function estimator
    with the mean of the other draws as its baseline. All three are unbiased. `relaxed` bits are
    draws between 0 and 1, and `straight_through` ones are rounded from these: their gradients are
    biased. Where a KL is known in closed form it replaces its estimate. A prior by a score enters
    by its denoising bound, one by an energy with a negative phase (`prior`).

    Args:
        lowered: The model, with a guide for each bounded latent.
        samples: Draws of the guide an example; 0: one, or four where a latent takes REINFORCE.
        gradient: The estimator of the latents that can take it; `auto`: as derived for each.
        beta: The weight of the KL; below 1 the result is no bound.
        free_bits: Nats of each latent's KL, in the mean over a batch, that cost nothing.
        temperature: Of relaxed draws, 0: ½; the lower it is, the less bias and the more variance.
        params: `point`, or `meanfield`: those with a prior are drawn too (`meanfield`).
        guide: `amortised`, or `local`: each example has a posterior of its own (`local`).

    Source: Kingma & Welling 2014, arXiv 1312.6114; Higgins et al. 2017; leave-one-out baseline:
    Kool, van Hoof & Welling 2019; free bits: Kingma et al. 2016, eq. 15, arXiv 1606.04934.
    """
    if params not in OVER_PARAMS:
        raise DgmError(queries.unknown_choice("way to treat params", params, tuple(OVER_PARAMS)))
    if guide not in (AMORTISED, LOCAL):
        raise DgmError(queries.unknown_choice("guide", guide, (AMORTISED, LOCAL)))
    over_params = OVER_PARAMS[params]
    if not lowered.facts.bounded:
        name = "negative log-likelihood, exact (no latent is left to a bound)"
        exact = mle(lowered)
        return over_params(lowered, replace(exact, name="elbo", quantity=name))
    if guide == LOCAL:
        _require_usual(gradient=gradient != AUTO, beta=beta != 1, free_bits=free_bits != 0,
                       temperature=temperature != 0)  # fmt: skip
        return over_params(lowered, local(lowered, samples or 1))
    weighed = {"beta": beta} if beta != 1 else {"free_bits": free_bits} if free_bits else {}
    if weighed and not splits(lowered):
        raise DgmError(queries.weighted_kl(lowered.facts.removed[0].variable, **weighed))
    lowered = with_gradient(lowered, gradient)
    if temperature and not any(bounded_by(lowered, soft) for soft in SOFT):
        raise DgmError(queries.idle_temperature(temperature))
    draws = samples or (4 if bounded_by(lowered, "reinforce") else 1)
    estimate = keyed(_estimator(lowered, draws, temperature or TEMPERATURE))
    latents = [b.variable for b in lowered.facts.bounded]
    phase = NegativePhase(lowered) if needs_chains(lowered) else None

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        terms = [mean(term, batch) for term in estimate(params, key, batch)]
        reconstruction, *kls, rest = terms
        # An estimate of a KL may be below 0, and must stay there: so no floor where none is asked.
        charged = [jnp.maximum(kl, free_bits) for kl in kls] if free_bits else kls
        value, metrics = beta * total([*charged, rest]) - reconstruction, {}
        if splits(lowered):
            each = dict(zip((f"kl.{name}" for name in latents), kls, strict=True))
            metrics = {"kl": total([*kls, rest]), **(each if len(latents) > 1 else {})}
        if phase is None:
            return value, (state, metrics)
        negative, state, facts = phase(params, state, jax.random.fold_in(key, 1))
        return value + beta * negative, (state, {**metrics, **facts})

    def validate(params: Params, values: Values, key: Array) -> Array:
        reconstruction, *costs = estimate(params, key, values)
        return sum(costs) - reconstruction

    return over_params(
        lowered,
        Objective(
            name="elbo",
            quantity=_quantity(lowered, beta, free_bits, known=phase is None),
            players=(Player("model", loss, everything),),
            companions=nothing,
            start=phase.start if phase else stateless,
            # Up to log Z a bound cannot be compared with that of other parameters.
            validate=None if phase else validate,
        ),
    )


def _require_usual(**asked: bool) -> None:
    """DGM0435 for a setting that is about a guide, where there is none."""
    for name in (name for name, is_asked in asked.items() if is_asked):
        raise DgmError(refining.unread_by_local(name))


def _quantity(lowered: Lowered, beta: float, free_bits: float, *, known: bool) -> str:
    if not known:
        return "negative ELBO up to the energy's log Z, not a bound"
    changed = [f"beta = {beta:g}"] * (beta != 1) + [f"free_bits = {free_bits:g}"] * (free_bits != 0)
    what = "negative ELBO" + (f" with {' and '.join(changed)}" if changed else "")
    if bounded_by(lowered, "relaxed"):
        return f"{what}, of relaxed draws: not a bound"
    if bounded_by(lowered, "straight_through"):
        what += " (its gradient is biased: straight_through)"
    return f"{what}, " + ("a bound" if beta >= 1 and not free_bits else "not a bound")


def _estimator(
    lowered: Lowered, samples: int, temperature: float
) -> Callable[[Params, Array, Values], list[Array]]:
    """(params, key, values) → the terms of one example's bound, with their gradient estimators.

    They are the reconstruction, the KL of each bounded latent, and what else the prior costs; the
    bound is the first minus the others.
    """
    every = over(_one_draw(lowered, temperature), (None, 0, None), samples)

    def estimate(params: Params, key: Array, values: Values) -> list[Array]:
        keys = jax.random.split(key, samples) if samples > 1 else key[None]
        weights, terms, scores = every(params, keys, values)
        return [_averaged(weights, term, scores) for term in terms]

    return estimate


def _averaged(weights: Array | None, term: Array, scores: Array | None) -> Array:
    """The mean over draws of a term's sums over states [draws, states], scores its slope.

    What no latent needs is left out here: XLA does not drop a product with 0, and each fused loop
    takes a megabyte of the compilation.
    """
    weighed = term if weights is None else weights * term
    each = jnp.sum(weighed, axis=1)
    if scores is None:
        return jnp.mean(each)
    baseline = leave_one_out(jax.lax.stop_gradient(each))[:, None]
    above = term - baseline if weights is None else weights * (term - baseline)
    surrogate = jnp.sum(jax.lax.stop_gradient(above) * scores, axis=1)
    return with_gradient_of(jnp.mean(each), jnp.mean(surrogate))


def _one_draw(
    lowered: Lowered, temperature: float
) -> Callable[[Params, Array, Values], tuple[Array | None, list[Array], Array | None]]:
    """(params, key, values) → weight, terms and log q of the reinforced latents, by state.

    The axis is that of the joint states of the enumerated latents (one where there are none), their
    weights being the guide's probabilities; of data, those of what the example lacks. All states
    share the key, so that a latent drawn above an enumerated one is the same in each. Without such
    latents there are no weights, without reinforced ones no log q.
    """
    enumerated, reinforced = (bounded_by(lowered, g) for g in ("enumerate", "reinforce"))
    soft = {
        **dict.fromkeys(bounded_by(lowered, "relaxed"), relaxed(temperature)),
        **dict.fromkeys(bounded_by(lowered, "straight_through"), straight_through(temperature)),
    }
    sites = tuple(whole(lowered.program.variables[name]) for name in enumerated)
    states = jnp.arange(round(2 ** total_states(sites)))

    def at_state(
        params: Params, key: Array, values: Values, number: Array
    ) -> tuple[Array | None, list[Array], Array | None]:
        state = numbered(sites, number) if sites else {}
        seen = {name: values[name] for name in state if name in values}
        given = {**values, **state, **{mask(n): lacking(a) for n, a in seen.items()}}
        if splits(lowered):
            drawn = lowered.guided(params, key, given, reinforced, soft)
            log_q, full = drawn.log_q, {**given, **drawn.latents}
            terms = reconstruction_and_kls(lowered, drawn)
            rest = log_constant(lowered, params, full) - log_prior(lowered, params, key, full)
            terms = [*terms[:-1], terms[-1] + rest]
        else:
            latents, _ = lowered.guide_draw(params, key, given, soft)
            full = {**given, **latents, **jax.lax.stop_gradient(only(latents, reinforced))}
            log_q = lowered.guide_terms(params, full)
            bound = log_weight(lowered, params, full, params)
            bound += log_prior(lowered, params, key, full)
            terms = [bound, *(jnp.zeros(()) for _ in (*lowered.facts.bounded, None))]
        score = total([log_q[name] for name in reinforced]) if reinforced else None
        if not enumerated:
            return None, terms, score
        weight = jnp.exp(total([log_q[name] for name in enumerated]))
        for name, held in seen.items():
            weight = jnp.where(agrees(state[name], held), weight, 0.0)
        return weight, terms, score

    every = over(at_state, (None, None, None, 0), len(states))
    return lambda params, key, values: every(params, key, values, states)

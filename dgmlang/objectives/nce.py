"""Noise-contrastive estimation: the model against a fixed noise law."""

from __future__ import annotations

from functools import partial
from math import log

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import per_example, size
from dgmlang.objectives.noise import fitted_noise, noise_draw, noise_log_prob
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    everything,
    stateless,
)
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements

NOISE = "noise"
LOG_NORMALIZER = "log_normalizer"


@implements("objective", "nce")
def nce(lowered: Lowered, *, ratio: int = 10) -> Objective:
    """−log σ(G(x)) − Σⱼ log σ(−G(yⱼ)), yⱼ ~ q, with G = log p̃ − log Z − log q − log ν.

    ν is `ratio`, the noise draws an example. The noise q is matched to the data at the start and
    frozen; it must cover them. Where the normaliser is not known, log Z is a parameter of its own,
    `log_normalizer`, that ends at the true one. A step costs 1 + ν densities an example. Noise that
    is told apart at once teaches nothing.

    Source: Gutmann & Hyvärinen 2010, 2012.
    """
    learned = lowered.facts.normaliser.value != "one"

    def companions(_: Array, data: Values) -> Params:
        noise: Params = {NOISE: fitted_noise(lowered, data)}
        return {**noise, LOG_NORMALIZER: jnp.zeros(())} if learned else noise

    def log_ratio(params: Params, values: Values) -> Array:
        log_z = params[LOG_NORMALIZER] if learned else 0.0
        log_q = noise_log_prob(lowered, params[NOISE], values)
        return lowered.log_prob(params, values) - log_z - log_q - log(ratio)

    def each(params: Params, values: Values, key: Array) -> Array:
        """The loss of each example with its own noise draws; these share the example's givens."""
        n = size(values)
        draw = partial(noise_draw, lowered, params[NOISE])
        noise = jax.vmap(draw)(jax.random.split(key, n * ratio))
        repeated = {name: jnp.repeat(array, ratio, axis=0) for name, array in values.items()}
        of_data = per_example(log_ratio)(params, values)
        of_noise = per_example(log_ratio)(params, {**repeated, **noise}).reshape(n, ratio)
        return jax.nn.softplus(-of_data) + jnp.sum(jax.nn.softplus(of_noise), axis=1)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        metrics = {LOG_NORMALIZER: params[LOG_NORMALIZER]} if learned else {}
        return jnp.mean(each(params, batch, key)), (state, metrics)

    return with_priors(
        lowered,
        Objective(
            name="nce",
            quantity=f"noise-contrastive loss at {ratio} noise draws an example, not a likelihood",
            players=(Player("model", loss, everything),),
            companions=companions,
            start=stateless,
            validate=each,
            frozen=(NOISE,),
        ),
    )

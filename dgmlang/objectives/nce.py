"""Noise-contrastive estimation: the model against a fixed noise law."""

from __future__ import annotations

from functools import partial
from math import log

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import mean, per_example, size
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
FITS = ("mle", "frozen")
LOG_NORMALIZER = "log_normalizer"


@implements("objective", "nce")
def nce(lowered: Lowered, *, ratio: int = 10, noise: str = "mle") -> Objective:
    """−log σ(G(x)) − Σⱼ log σ(−G(yⱼ)), yⱼ ~ q, with G = log p̃ − log Z − log q − log ν.

    ν is `ratio`, the noise draws an example. The noise q is the program's, fitted by maximum
    likelihood on the same batches (`noise = "frozen"`: left as it is), or one that is matched to
    the data at the start and frozen; it must cover them. Where the normaliser is not
    known, log Z is a parameter of its own, `log_normalizer`, that ends at the true one. A step
    costs 1 + ν densities an example. Noise that is told apart at once teaches nothing.

    Source: Gutmann & Hyvärinen 2010, 2012.
    """
    if noise not in FITS:
        raise DgmError(queries.unknown_choice("way to fit the noise", noise, FITS))
    learned = lowered.facts.normaliser.value != "one"
    written = bool(lowered.program.noise)
    fitted = bool(lowered.facts.flags["noise_learned"]) and noise == "mle"

    def companions(_: Array, data: Values) -> Params:
        built: Params = {} if written else {NOISE: fitted_noise(lowered, data)}
        return {**built, LOG_NORMALIZER: jnp.zeros(())} if learned else built

    def log_noise(params: Params, values: Values) -> Array:
        if written:
            return lowered.noise_log_prob(params, values)
        return noise_log_prob(lowered, params[NOISE], values)

    def draw_noise(params: Params, key: Array) -> Values:
        if written:
            return lowered.noise_draw(params, key)
        return noise_draw(lowered, params[NOISE], key)

    def log_ratio(params: Params, values: Values) -> Array:
        log_z = params[LOG_NORMALIZER] if learned else 0.0
        log_q = log_noise(jax.lax.stop_gradient(params), values)
        return lowered.log_prob(params, values) - log_z - log_q - log(ratio)

    def each(params: Params, values: Values, key: Array) -> Array:
        """The loss of each example with its own noise draws; these share the example's givens."""
        n = size(values)
        draw = partial(draw_noise, jax.lax.stop_gradient(params))
        drawn = jax.vmap(draw)(jax.random.split(key, n * ratio))
        repeated = {name: jnp.repeat(array, ratio, axis=0) for name, array in values.items()}
        of_data = per_example(log_ratio)(params, values)
        of_noise = per_example(log_ratio)(params, {**repeated, **drawn}).reshape(n, ratio)
        return jax.nn.softplus(-of_data) + jnp.sum(jax.nn.softplus(of_noise), axis=1)

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        metrics = {LOG_NORMALIZER: params[LOG_NORMALIZER]} if learned else {}
        value = mean(each(params, batch, key), batch)
        if fitted:
            value -= mean(per_example(log_noise)(params, batch), batch)
        return value, (state, metrics)

    return with_priors(
        lowered,
        Objective(
            name="nce",
            quantity=f"noise-contrastive loss at {ratio} noise draws an example, not a likelihood",
            players=(Player("model", loss, everything),),
            companions=companions,
            start=stateless,
            validate=each,
            frozen=(NOISE,) if not fitted else (),
        ),
    )

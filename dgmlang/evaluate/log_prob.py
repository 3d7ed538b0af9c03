"""Log-likelihoods of examples: exact, or bounds by the guide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.divergence import vector_fields
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.ais import ais, ais_each
from dgmlang.evaluate.bridge import bridge
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.evaluate.refine import refined_bound
from dgmlang.evaluate.result import Result
from dgmlang.objectives.batch import size
from dgmlang.objectives.bound import log_weight, total
from dgmlang.objectives.factorised import SWEEPS, factorised
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.prior import log_prior
from dgmlang.objectives.variables import only

PARTICLES = 32
"""Draws of the guide an example that are in memory together."""

EXAMPLES = 256
"""Examples that are in memory together."""

GUIDE = "guide"


def exact(lowered: Lowered, params: Params, batch: Values) -> Result:
    """The log p(x) [n], unnormalised where the normaliser is unknown (the method says so)."""
    known = lowered.facts.normaliser.value != "unknown"
    values = _by_parts(lambda values, _: _likelihood(lowered, params, values), batch)
    how = "exact" if known else "exact up to the normaliser"
    return Result(values, "exact", None, f"{how}{evaluated(lowered)}")


def hutchinson(
    lowered: Lowered, params: Params, batch: Values, key: Array, probes: int = 8
) -> Result:
    """The log p(x) [n] with divergences along random directions, the mean of `probes` solves.

    Unbiased, with its standard error; each solve has directions of its own.

    Source: Grathwohl et al. 2019, sec. 3.1, arXiv 1810.01367.
    """

    def each(values: Values, place: int) -> Array:
        keys = jax.random.split(jax.random.fold_in(key, place), probes)
        return _probed(lowered, params, values, keys)

    found = _by_parts(each, batch)
    stderr = found.std(axis=1, ddof=1) / np.sqrt(probes) if probes > 1 else None
    how = f"hutchinson, probes = {probes}{evaluated(lowered)}"
    return Result(found.mean(axis=1), "estimate", stderr, how)


def evaluated(lowered: Lowered) -> str:
    """How equations in flows were solved since this was asked last, for people; "" without any."""
    noted, fields = lowered.built.solving.noted, vector_fields(lowered.program)
    if noted is None or not fields:
        return ""
    jax.effects_barrier()
    told = fields[0].settings
    steps = f"at rtol {told['rtol']:g}" if told["steps"] is None else f"in {told['steps']} steps"
    return f", {told['solver']} {steps}, {noted.taken():.0f} evaluations of the field"


def annealed(
    lowered: Lowered, params: Params, batch: Values, key: Array, temperatures: int, chains: int
) -> Result:
    """The log p̃(x) − log Z [n] by annealed importance sampling, with the error of log Z.

    One log Z serves all examples, so its error is shared and no mean over examples lessens it; with
    givens each example has its own. log Z errs downwards in the mean, so log p upwards. Where
    latents are left to a bound, that by a mean field stands for log p̃(x).
    """
    bounded = bool(lowered.facts.bounded)
    found = (
        _fields(lowered, SWEEPS, params, batch) if bounded else exact(lowered, params, batch).value
    )
    given = {v.name: batch[v.name] for v in lowered.program.having("given")}
    if given:
        z = ais_each(lowered, params, key, temperatures, chains, given)
        return Result(found - z.value, "estimate", z.stderr, z.method)
    what = "mean field" if bounded else "exact"
    return _less(found, what, ais(lowered, params, key, temperatures, chains))


def bridged(
    lowered: Lowered, params: Params, batch: Values, key: Array, levels: int, sweeps: int,
    chains: int,
) -> Result:  # fmt: skip
    """The same with log Z by bridge sampling, of a model without givens."""
    z = bridge(lowered, params, key, levels, sweeps, chains)
    return _less(exact(lowered, params, batch).value, "exact", z)


def _less(found: np.ndarray, what: str, z: Result) -> Result:
    """Unnormalised densities less one log Z, whose error they share."""
    error = float(np.asarray(z.stderr))
    return Result(found - z.value, "estimate", error, f"{what} less log Z by {z.method}", error)


def mean_field(
    lowered: Lowered, params: Params, batch: Values, _: Array, sweeps: int = SWEEPS
) -> Result:
    """The bound −E(x, μ) + H(q) − log Z [n] by independent bits; without log Z if unknown."""
    found = _fields(lowered, sweeps, params, batch)
    if lowered.facts.normaliser.value != "unknown":
        found = found - np.asarray(_constants(lowered, params, batch))
    return Result(found, "bound", None, f"mean field, {sweeps} sweeps{_hidden(lowered)}")


def _fields(lowered: Lowered, sweeps: int, params: Params, batch: Values) -> np.ndarray:
    """The mean-field bounds [n] on log p̃."""
    return _by_parts(lambda values, _: _bounds(lowered, sweeps, params, values), batch)


@partial(jax.jit, static_argnums=(0, 1))
def _bounds(lowered: Lowered, sweeps: int, params: Params, batch: Values) -> Array:
    return jax.vmap(lambda values: factorised(lowered, params, values, sweeps)[1])(batch)


@partial(jax.jit, static_argnums=0)
def _constants(lowered: Lowered, params: Params, batch: Values) -> Array:
    """The log Z that all examples share, or [n] where it has givens."""
    given = only(batch, tuple(v.name for v in lowered.program.having("given")))
    if not given:
        return log_normalizer(lowered, params, {})
    return jax.vmap(lambda values: log_normalizer(lowered, params, values))(given)


def elbo(
    lowered: Lowered,
    params: Params,
    batch: Values,
    key: Array,
    samples: int = 1,
    refine: int = 0,
) -> Result:
    """The evidence lower bound [n], the mean of `samples` draws, with its standard error.

    After `refine` steps of each example's own posterior it is tighter by the amortisation gap.
    """
    if refine:
        mean, stderr = refined_bound(lowered, params, batch, key, refine, samples)
        how = f"elbo, samples = {samples}, refined in {refine} steps{_hidden(lowered)}"
    else:
        mean, square, _ = _moments(lowered, params, batch, key, samples)
        stderr = np.sqrt(np.maximum(square - mean**2, 0.0) / max(samples - 1, 1))
        how = f"elbo, samples = {samples}{_hidden(lowered)}"
    return Result(mean, "bound", stderr if samples > 1 else None, how)


def iwae(lowered: Lowered, params: Params, batch: Values, key: Array, k: int = 512) -> Result:
    """The bound log (1/k) Σ p(x, zᵢ)/q(zᵢ | x) [n], a lower bound in expectation.

    The standard error is that of the log of a mean (delta method), from the weights' spread.
    Source: Burda et al. 2016, arXiv 1509.00519.
    """
    _, _, (first, second) = _moments(lowered, params, batch, key, k)
    value, stderr = _mean_weight(first, second, k)
    return Result(value, "bound", stderr, f"iwae, k = {k}{_hidden(lowered)}")


def importance(
    lowered: Lowered,
    params: Params,
    batch: Values,
    key: Array,
    k: int = 512,
    proposal: str = GUIDE,
) -> Result:
    """The log (1/k) Σ p(x, zᵢ)/r(zᵢ) [n], zᵢ ~ r, a lower bound in expectation.

    The standard error is that of `iwae`, which is the same by the guide; the method says how many
    draws count, (Σ w)²/Σ w² in the median over examples. Few of the prior's do where data say much.

    Args:
        lowered: The model.
        params: Its parameters.
        batch: The examples.
        key: Of the draws.
        k: Draws an example.
        proposal: r: `guide`, q(z | x), or `prior`, p(z) given what stands above z.
    """
    _, _, (first, second) = _moments(lowered, params, batch, key, k, proposal)
    value, stderr = _mean_weight(first, second, k)
    counted = np.median(np.exp(2.0 * first - second))
    how = f"importance, k = {k}, proposal = {proposal}, {counted:.0f} draws count{_hidden(lowered)}"
    return Result(value, "bound", stderr, how)


def _mean_weight(first: np.ndarray, second: np.ndarray, k: int) -> tuple[np.ndarray, Any]:
    """The log of the mean of k weights by log Σ w and log Σ w², and its standard error."""
    spread = np.exp(second - 2.0 * first) * k - 1.0
    stderr = np.sqrt(np.maximum(spread, 0.0) / k)
    return first - np.log(k), stderr if k > 1 else None


def _hidden(lowered: Lowered) -> str:
    return ", up to the normaliser" if lowered.facts.normaliser.value == "unknown" else ""


def _moments(
    lowered: Lowered, params: Params, batch: Values, key: Array, k: int, proposal: str = GUIDE
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Mean and mean square of log w, log Σ w and log Σ w², for each example."""
    keys = jax.random.split(key, size(batch))
    found = _all_particles(lowered, k, proposal, params, keys, batch)
    mean, square, first, second = (np.asarray(part) for part in found)
    return mean, square, (first, second)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _all_particles(
    lowered: Lowered, k: int, proposal: str, params: Params, keys: Array, batch: Values
) -> tuple[Array, Array, Array, Array]:
    """The moments of k log-weights, a bounded number of examples and particles at a time."""
    weigh = partial(WEIGHTS[proposal], lowered, params)

    def one(example: tuple[Array, Values]) -> tuple[Array, Array, Array, Array]:
        key, values = example
        each = jax.random.split(key, k)
        log_w = jax.lax.map(lambda key: weigh(key, values), each, batch_size=min(k, PARTICLES))
        first, second = jax.nn.logsumexp(log_w), jax.nn.logsumexp(2.0 * log_w)
        return jnp.mean(log_w), jnp.mean(log_w**2), first, second

    return jax.lax.map(one, (keys, batch), batch_size=min(keys.shape[0], EXAMPLES))


def _by_guide(lowered: Lowered, params: Params, key: Array, values: Values) -> Array:
    """The log p(x, z) − log q(z | x) of a draw of the guide."""
    latents, _ = lowered.guide_draw(params, key, values)
    full = {**values, **latents}
    return log_weight(lowered, params, full, params) + log_prior(lowered, params, key, full)


def _by_prior(lowered: Lowered, params: Params, key: Array, values: Values) -> Array:
    """The log p(x, z) − log p(z) of a draw of the bounded latents, each given those above it."""
    drawn = lowered.draw(params, key, values)
    names = [b.variable for b in lowered.facts.bounded]
    terms = lowered.log_terms(params, drawn)
    log_p = lowered.log_prob(params, {**values, **{name: drawn[name] for name in names}})
    return log_p - total([terms[name] for name in names if name in terms])


WEIGHTS = {GUIDE: _by_guide, "prior": _by_prior}
"""The log-weight of one draw by where it is drawn from."""


def _by_parts(function: Callable[[Values, int], Array], batch: Values) -> np.ndarray:
    """The function of a batch, some examples at a time, and of the place of the first of them."""
    parts = [
        np.asarray(function({name: array[i : i + EXAMPLES] for name, array in batch.items()}, i))
        for i in range(0, size(batch), EXAMPLES)
    ]
    return np.concatenate(parts)


@partial(jax.jit, static_argnums=0)
def _likelihood(lowered: Lowered, params: Params, batch: Values) -> Array:
    return log_likelihood(lowered, params, batch)


@partial(jax.jit, static_argnums=0)
def _probed(lowered: Lowered, params: Params, batch: Values, keys: Array) -> Array:
    """The log-likelihoods [n, keys], with the random directions of each key."""

    def solve(key: Array) -> Array:
        return log_likelihood(lowered, params, batch, key=key)

    return jnp.swapaxes(jax.lax.map(solve, keys), 0, 1)

"""Draws of the parameters as the lowered program takes them, and averages over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro.diagnostics import effective_sample_size

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.estimators import Estimator
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.evaluate.log_prob import EXAMPLES
from dgmlang.evaluate.result import Result
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.chains import Chains
from dgmlang.samplers.sampler import AbstractSampler, Info

TOGETHER = 16
"""Draws of the parameters that are in memory together."""

FEW = 64
"""Draws of the parameters that a bound is averaged over: each takes particles of its own."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of parameters as stored, [S, …], and those that have one value, as they are."""

    moved: Params
    fixed: Params
    chains: int

    @property
    def count(self) -> int:
        """How many draws there are, of all chains."""
        return int(jax.tree.leaves(self.moved)[0].shape[0])

    def at(self, chosen: Any) -> Params:
        """The draws of these numbers."""
        return jax.tree.map(lambda leaf: leaf[chosen], self.moved)


def as_stored(lowered: Lowered, chains: Chains, fixed: Params) -> Draws:
    """The draws of all chains, one chain after the other."""
    moved = jax.tree.map(jnp.asarray, lowered.unconstrain(chains.flat))
    rest = {name: tree for name, tree in fixed.items() if name not in moved}
    return Draws(moved, rest, chains.shape[0])


def predictive(
    sampler: AbstractSampler, draws: Draws, key: Array, n: int, given: Values
) -> tuple[Values, Info]:
    """N draws of all variables, each at a draw of the parameters of its own; means of the facts."""
    first, second = jax.random.split(key)
    chosen = jax.random.choice(first, draws.count, (n,), replace=n > draws.count)
    keys = jax.random.split(second, n)
    drawn, info = _predictive(sampler, draws.at(chosen), draws.fixed, keys, given)
    return drawn, {name: jnp.mean(found, axis=0) for name, found in info.items()}


@partial(jax.jit, static_argnums=0)
def _predictive(
    sampler: AbstractSampler, moved: Params, fixed: Params, keys: Array, given: Values
) -> tuple[Values, Info]:
    def one(moved: Params, key: Array, given: Values) -> tuple[Values, Info]:
        alone = jax.tree.map(lambda a: a[None], given)
        drawn, info = sampler.drawn({**fixed, **moved}, key, 1, alone)
        return jax.tree.map(lambda a: a[0], drawn), info

    return jax.vmap(one, in_axes=(0, 0, 0 if given else None))(moved, keys, given)


def each(function: Callable[[Params], Any], draws: Draws) -> Any:
    """A function of the parameters at every draw of them."""
    return jax.lax.map(lambda w: function({**draws.fixed, **w}), draws.moved, batch_size=TOGETHER)


def log_prob(
    lowered: Lowered, draws: Draws, batch: Values, estimate: Estimator, key: Array
) -> Result:
    """Log p(x | the training data) [n] = log of the mean of p(x | w) over draws of w.

    Its standard error is that of the log of a mean (delta method), with the effective number of
    the draws. The mean of a bound of p(x | w) is a bound too.
    """
    lowered, guided = lowered.unguided, lowered
    exact = lowered.facts.density.value == "exact"
    if exact:
        values, count = densities(lowered, draws, batch), draws.count
        kind, how = "estimate", "exact"
    else:
        count = min(FEW, draws.count)
        chosen = np.linspace(0, draws.count - 1, count).astype(int)
        found = [
            estimate(guided, {**draws.fixed, **draws.at(i)}, batch, own)
            for i, own in zip(chosen, jax.random.split(key, count), strict=True)
        ]
        values = np.stack([one.value for one in found])
        kind, how = "bound", found[0].method
    highest = values.max(axis=0)
    weights = np.exp(values - highest)
    mean = weights.mean(axis=0)
    spread = weights.std(axis=0, ddof=1) if count > 1 else np.full_like(mean, np.nan)
    stderr = spread / mean / np.sqrt(_effective(weights, draws.chains if exact else 1))
    method = f"{how}, averaged over {count} draws of the parameters"
    return Result(highest + np.log(mean), kind, stderr, method)


def _effective(weights: np.ndarray, chains: int) -> np.ndarray:
    """The effective number of draws [S, n] of S draws in so many chains; S of what never moves."""
    count = weights.shape[0]
    apart = weights.reshape(chains, count // chains, -1)
    still = np.ptp(apart, axis=(0, 1)) == 0
    moving = np.where(still, np.arange(apart.shape[1])[None, :, None], apart)
    return np.where(still, count, effective_sample_size(moving))


def densities(lowered: Lowered, draws: Draws, batch: Values) -> np.ndarray:
    """Log p(x | w) [S, n] at every draw, some examples at a time."""
    starts = range(0, size(batch), EXAMPLES)
    some = [{name: a[i : i + EXAMPLES] for name, a in batch.items()} for i in starts]
    parts = [_at_each(lowered, draws.moved, draws.fixed, part) for part in some]
    return np.concatenate([np.asarray(part, float) for part in parts], axis=1)


@partial(jax.jit, static_argnums=0)
def _at_each(lowered: Lowered, moved: Params, fixed: Params, batch: Values) -> Array:
    return each(lambda w: log_likelihood(lowered, w, batch), Draws(moved, fixed, 1))

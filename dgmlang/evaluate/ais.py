"""log Z of an energy by annealed importance sampling, in either direction.

Chains start at exact draws of a base law q and move through q(x)^(1−β) p̃(x)^β as β goes from 0 to
1. With w = Π_t (p̃(x_t)/q(x_t))^(β_{t+1} − β_t), E[w] = Z whatever the number of temperatures; the
spread of w, and with it the error of log Z, falls as they grow. From exact draws of p and with β
from 1 to 0, E[w] = 1/Z. By Jensen the mean of log Ŵ lies below log Z one way, that of −log Ŵ above
it the other way.

Source: Neal 2001, eqs. 3 to 8, arXiv physics/9803008; for RBMs: Salakhutdinov & Murray 2008; both
directions: Grosse, Ghahramani & Adams 2015, arXiv 1511.02543.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.gibbs import Tempered as Law
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.base import Base, based, checked
from dgmlang.evaluate.exact_draws import exact_draws
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.tempered import Standing, Tempered, adapted, tempered


class Estimate(NamedTuple):
    """log Z, its standard error by the delta method, and how many of the weights count."""

    value: float
    error: float
    counting: float


def ais(
    lowered: Lowered,
    params: Params,
    key: Array,
    temperatures: int = 1000,
    chains: int = 100,
    given: Values | None = None,
) -> Result:
    """The log of the mean of `chains` weights, and its standard error by the delta method.

    An estimate: exp of it is unbiased for Z, so by Jensen it lies below log Z in the mean. Too few
    temperatures show as weights of which one outweighs all; `method` then says how many count.
    A step costs one transition and two densities a chain. With `given`, one example's values of
    variables that are held, it is the log normaliser of the others.

    Raises:
        DgmError: DGM0824 where a variable is neither finite nor real, or has no chain.
    """
    found = estimated(log_weights(lowered, params, key, temperatures, chains, given))
    return Result(found.value, "estimate", found.error, _told(temperatures, chains, found.counting))


def ais_each(
    lowered: Lowered, params: Params, key: Array, temperatures: int, chains: int, given: Values
) -> Result:
    """The same for each of n examples' held values [n, …], with keys of their own."""
    checked(lowered, given)
    n = next(iter(given.values())).shape[0]
    each = _each_weights(lowered, temperatures, chains, params, jax.random.split(key, n), given)
    found = [estimated(w) for w in np.asarray(each)]
    told = _told(temperatures, chains, min(e.counting for e in found))
    return Result([e.value for e in found], "estimate", [e.error for e in found], told)


def bracket(
    lowered: Lowered, params: Params, key: Array, temperatures: int = 1000, chains: int = 100
) -> Result:
    """What log Z lies between [2]: AIS from the base and, from exact draws of the model, to it.

    Each end is a bound in the mean, with its standard error: where the two meet, both are right.

    Raises:
        DgmError: DGM0841 where there are no exact draws; DGM0824 as for `ais`.
    """
    first, second, third = jax.random.split(key, 3)
    below = estimated(log_weights(lowered, params, first, temperatures, chains))
    draws = exact_draws(lowered, params, second, chains)
    above = estimated(_down(lowered, temperatures, params, third, draws))
    told = f"ais from the base and from exact draws, {temperatures} temperatures, {chains} chains"
    return Result([below.value, -above.value], "bound", [below.error, above.error], told)


def log_weights(
    lowered: Lowered,
    params: Params,
    key: Array,
    temperatures: int,
    chains: int,
    given: Values | None = None,
) -> Array:
    """The log weights [chains]."""
    checked(lowered, given or {})
    return _weights(lowered, temperatures, chains, params, key, given or {})


def estimated(log_w: Array | np.ndarray) -> Estimate:
    """The log of the mean of exp(log_w) [chains]."""
    logs = np.asarray(log_w, float)
    top = logs.max()
    w = np.exp(logs - top)
    error = w.std(ddof=1) / w.mean() / np.sqrt(len(w))
    return Estimate(top + np.log(w.mean()), error, w.sum() ** 2 / (w**2).sum())


def _told(temperatures: int, chains: int, counting: float) -> str:
    return f"ais, {temperatures} temperatures, {chains} chains of which {counting:.0f} count"


# ── the path ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Path:
    """The way between a base and a model: log p_β = (1 − β) log q + β log p̃."""

    moves: Tempered
    base: Base
    params: Params

    def start(self, key: Array, n: int, given: Values) -> Standing:
        """Chains at exact draws of the base."""
        return self.moves.standing(self.base.draw(key, n, given))

    def gaps(self, chains: Standing) -> Array:
        """Log p̃ − log q of each chain [n], what its log density gains for each unit of β."""
        q = jax.vmap(self.base.log_density)(self.moves.values(chains))
        return self.moves.log_densities(self.params, chains) - q

    def move(
        self, key: Array, chains: Standing, beta: Array, log_steps: Values
    ) -> tuple[Standing, dict[str, Array]]:
        """One transition of all chains at β, and mean acceptances."""
        law = Law(beta, self.base.log_density)
        chains, rates = self.moves.move(self.params, key, chains, law, log_steps)
        return chains, {name: jnp.mean(rate) for name, rate in rates.items()}

    def no_steps(self) -> Values:
        """Log steps of 1 for the variables that move by steps."""
        return {name: jnp.zeros((), jnp.result_type(float)) for name in self.moves.continuous}

    def learned_steps(self, key: Array, chains: Standing, betas: Array) -> Values:
        """Log steps for each β after the first, [len(betas) − 1], from a run of their own.

        Steps adapted on the way would look at the chains whose weights they move.
        """

        def one(carried: tuple[Standing, Values], t: Array) -> tuple[tuple[Standing, Values], Any]:
            chains, steps = carried
            chains, rates = self.move(jax.random.fold_in(key, t), chains, betas[t + 1], steps)
            steps = adapted(self.moves, steps, rates, jnp.asarray(0.3))
            return (chains, steps), steps

        if not self.moves.continuous:
            return {}
        start = (chains, self.no_steps())
        return jax.lax.scan(one, start, jnp.arange(betas.size - 1))[1]

    def weigh(self, key: Array, chains: Standing, betas: Array, log_steps: Values) -> Array:
        """Log weights [n] of chains that are moved along the betas."""

        def one(carried: tuple[Standing, Array], t: Array) -> tuple[tuple[Standing, Array], None]:
            chains, log_w = carried
            log_w = log_w + (betas[t + 1] - betas[t]) * self.gaps(chains)
            steps = {name: s[t] for name, s in log_steps.items()}
            chains, _ = self.move(jax.random.fold_in(key, t), chains, betas[t + 1], steps)
            return (chains, log_w), None

        zero = jnp.zeros(self.moves.count(chains))
        return jax.lax.scan(one, (chains, zero), jnp.arange(betas.size - 1))[0][1]


def path_of(lowered: Lowered, params: Params, key: Array, chains: int, given: Values) -> Path:
    """The path to an energy from the base that suits it."""
    moves = tempered(lowered, given)
    return Path(moves, based(moves, params, key, chains, given), params)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _weights(
    lowered: Lowered, temperatures: int, chains: int, params: Params, key: Array, given: Values
) -> Array:
    first, second, third, fourth = jax.random.split(key, 4)
    path = path_of(lowered, params, first, chains, given)
    betas = jnp.linspace(0.0, 1.0, temperatures + 1)
    steps = path.learned_steps(second, path.start(second, chains, given), betas)
    return path.weigh(fourth, path.start(third, chains, given), betas, steps)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _each_weights(
    lowered: Lowered, temperatures: int, chains: int, params: Params, keys: Array, given: Values
) -> Array:
    """The log weights [n, chains], one example after the other."""
    run = partial(_weights, lowered, temperatures, chains, params)
    return jax.lax.map(lambda one: run(*one), (keys, given))


@partial(jax.jit, static_argnums=(0, 1))
def _down(lowered: Lowered, temperatures: int, params: Params, key: Array, draws: Values) -> Array:
    """Log weights of chains that start at exact draws of the model, whose mean is 1/Z."""
    first, second, third = jax.random.split(key, 3)
    path = path_of(lowered, params, first, next(iter(draws.values())).shape[0], {})
    betas, start = jnp.linspace(1.0, 0.0, temperatures + 1), path.moves.standing(draws)
    return path.weigh(third, start, betas, path.learned_steps(second, start, betas))

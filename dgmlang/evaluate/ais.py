"""log Z of an energy by annealed importance sampling.

Chains start at exact draws of a base law q and move through q(x)^(1−β) p̃(x)^β as β goes from 0 to
1. With w = Π_t (p̃(x_t)/q(x_t))^(β_{t+1} − β_t), E[w] = Z whatever the number of temperatures; the
spread of w, and with it the error of log Z, falls as they grow.

Source: Neal 2001, eqs. 3 to 8, arXiv physics/9803008; for RBMs: Salakhutdinov & Murray 2008.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.chains import begin
from dgmlang.samplers.tempered import Tempered, adapted, tempered

PILOT = 200
"""Transitions of the model's own chains that show where a base for reals must lie."""

WIDER = 1.5
"""The base's standard deviations, in those of the pilot: it must cover what the model does."""


def ais(
    lowered: Lowered, params: Params, key: Array, temperatures: int = 1000, chains: int = 100
) -> Result:
    """The log of the mean of `chains` weights, and its standard error by the delta method.

    An estimate: exp of it is unbiased for Z, so by Jensen it lies below log Z in the mean. Too few
    temperatures show as weights of which one outweighs all; `method` then says how many count.
    A step costs one transition and two densities a chain.

    Raises:
        DgmError: DGM0824 where a variable is neither finite nor real, or has no chain.
    """
    log_w = np.asarray(log_weights(lowered, params, key, temperatures, chains), float)
    top = log_w.max()
    w = np.exp(log_w - top)
    value, spread = top + np.log(w.mean()), w.std(ddof=1) / w.mean()
    counting = w.sum() ** 2 / (w**2).sum()
    method = f"ais, {temperatures} temperatures, {chains} chains of which {counting:.0f} count"
    return Result(value, "estimate", spread / np.sqrt(chains), method)


def log_weights(
    lowered: Lowered, params: Params, key: Array, temperatures: int, chains: int
) -> Array:
    """The log weights [chains]."""
    moves = tempered(lowered, {})
    wrong = [v for v in moves.variables.values() if not _has_base(v)]
    if wrong or (lowered.facts.bounded and not moves.blocks):
        name = wrong[0].name if wrong else lowered.facts.bounded[0].variable
        raise DgmError(queries.no_annealing(lowered.program.name, name))
    return _weights(lowered, temperatures, chains, params, key)


@dataclass(frozen=True, eq=False)
class Base:
    """Independent sites: uniform over the levels of finite ones, N(loc, scale²) for reals."""

    variables: dict[str, Variable]
    loc: Values
    scale: Values

    def log_density(self, values: Values) -> Array:
        """Log q(x), normalised."""
        total = jnp.zeros((), jnp.result_type(float))
        for name, variable in self.variables.items():
            if name not in self.loc:
                total -= values[name].size * log(len(choices(variable.type.kind)))
                continue
            z = (values[name] - self.loc[name]) / self.scale[name]
            each = -0.5 * z**2 - jnp.log(self.scale[name]) - 0.5 * log(2 * np.pi)
            total += jnp.sum(each)
        return total

    def draw(self, key: Array, n: int) -> Values:
        """N exact draws."""
        noise = begin(self.variables, key, n, {})
        reals = {
            name: loc[None] + self.scale[name][None] * noise[name] for name, loc in self.loc.items()
        }
        return noise | reals


def _has_base(variable: Variable) -> bool:
    return variable.type.kind.space == "finite" or variable.type.kind.name == "real"


@partial(jax.jit, static_argnums=(0, 1, 2))
def _weights(lowered: Lowered, temperatures: int, chains: int, params: Params, key: Array) -> Array:
    moves = tempered(lowered, {})
    first, second, third, fourth = jax.random.split(key, 4)
    base = _base(moves, params, first, chains)
    run = partial(_anneal, moves, base, params, temperatures)
    # Steps adapted on the way would look at the chains whose weights they move: so once before.
    zeros = {name: jnp.zeros((), jnp.result_type(float)) for name in moves.continuous}
    steps = {name: jnp.zeros(temperatures, jnp.result_type(float)) for name in moves.continuous}
    if moves.continuous:
        _, steps = run(second, base.draw(second, chains), lambda t, found: found, zeros)
    start = base.draw(third, chains)
    return run(fourth, start, lambda t, _: {n: s[t] for n, s in steps.items()}, zeros)[0]


def _anneal(
    moves: Tempered,
    base: Base,
    params: Params,
    temperatures: int,
    key: Array,
    values: Values,
    chosen: Callable[[Array, Values], Values],
    log_steps: Values,
) -> tuple[Array, Values]:
    """Log weights after all temperatures, and the log steps that each of them ended with."""
    log_p = moves.log_density(params)

    def gap(values: Values) -> Array:
        return log_p(values) - base.log_density(values)

    def one(carried: tuple[Values, Array, Values], t: Array) -> tuple[tuple, Values]:
        values, log_w, found = carried
        steps = chosen(t, found)
        beta = (t + 1.0) / temperatures
        log_w = log_w + jax.vmap(gap)(values) / temperatures

        def density(v: Values) -> Array:
            return (1.0 - beta) * base.log_density(v) + beta * log_p(v)

        def move(key: Array, v: Values) -> tuple[Values, Values]:
            return moves.move(density, params, key, v, steps)

        keys = jax.random.split(jax.random.fold_in(key, t), log_w.size)
        values, rates = jax.vmap(move)(keys, values)
        means = {name: jnp.mean(rate) for name, rate in rates.items()}
        found = adapted(moves, steps, means, jnp.asarray(0.3))
        return (values, log_w, found), found

    zero = jnp.zeros(next(iter(values.values())).shape[0])
    (_, log_w, _), steps = jax.lax.scan(one, (values, zero, log_steps), jnp.arange(temperatures))
    return log_w, steps


def _base(moves: Tempered, params: Params, key: Array, chains: int) -> Base:
    """Uniform, and for reals a Gaussian that is wider than the model's own chains spread."""
    reals = [n for n, v in moves.variables.items() if v.type.kind.space == "continuous"]
    if not reals:
        return Base(moves.variables, {}, {})
    first, second = jax.random.split(key)
    log_p = moves.log_density(params)

    def one(carried: tuple[Values, Values], i: Array) -> tuple[tuple[Values, Values], None]:
        values, steps = carried
        keys = jax.random.split(jax.random.fold_in(second, i), chains)
        move = jax.vmap(lambda key, v: moves.move(log_p, params, key, v, steps))
        values, rates = move(keys, values)
        means = {name: jnp.mean(rate) for name, rate in rates.items()}
        return (values, adapted(moves, steps, means, (i + 1.0) ** -0.6)), None

    steps = {name: jnp.zeros((), jnp.result_type(float)) for name in moves.continuous}
    start = (begin(moves.variables, first, chains, {}), steps)
    (ends, _), _ = jax.lax.scan(one, start, jnp.arange(PILOT))
    loc = {name: jnp.mean(ends[name], axis=0) for name in reals}
    scale = {name: WIDER * jnp.std(ends[name], axis=0) + 1e-3 for name in reals}
    return Base(moves.variables, loc, scale)

"""The law of independent sites at which annealed chains begin, drawn from and evaluated exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.gibbs import Tempered as Law
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.chains import begin
from dgmlang.samplers.tempered import Standing, Tempered, adapted, tempered

PILOT = 200
"""Transitions of the model's own chains that show where a base for reals must lie."""

WIDER = 1.5
"""The base's standard deviations, in those of the pilot: it must cover what the model does."""


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
            total += jnp.sum(-0.5 * z**2 - jnp.log(self.scale[name]) - 0.5 * log(2 * pi))
        return total

    def draw(self, key: Array, n: int, given: Values) -> Values:
        """N exact draws, each with the one example's values that are given."""
        noise = begin(self.variables, key, n, _repeated(given, n))
        reals = {
            name: loc[None] + self.scale[name][None] * noise[name] for name, loc in self.loc.items()
        }
        return noise | reals


def checked(lowered: Lowered, given: Values) -> None:
    """DGM0824 where what is not given has no base, or no transitions."""
    moves = tempered(lowered, given)
    wrong = [v for v in moves.free.values() if not _has_base(v)]
    if wrong or (lowered.facts.bounded and not moves.blocks):
        name = wrong[0].name if wrong else lowered.facts.bounded[0].variable
        raise DgmError(queries.no_annealing(lowered.program.name, name))


def based(moves: Tempered, params: Params, key: Array, chains: int, given: Values) -> Base:
    """Uniform, and for reals a Gaussian that is wider than the model's own chains spread."""
    reals = [n for n, v in moves.free.items() if v.type.kind.space == "continuous"]
    if not reals:
        return Base(moves.free, {}, {})
    first, second = jax.random.split(key)

    def one(carried: tuple[Standing, Values], i: Array) -> tuple[tuple[Standing, Values], None]:
        state, steps = carried
        own = jax.random.fold_in(second, i)
        state, rates = moves.move(params, own, state, Law(jnp.ones(())), steps)
        means = {name: jnp.mean(rate) for name, rate in rates.items()}
        return (state, adapted(moves, steps, means, (i + 1.0) ** -0.6)), None

    steps = {name: jnp.zeros((), jnp.result_type(float)) for name in moves.continuous}
    start = moves.standing(begin(moves.free, first, chains, _repeated(given, chains)))
    (last, _), _ = jax.lax.scan(one, (start, steps), jnp.arange(PILOT))
    ends = moves.values(last)
    loc = {name: jnp.mean(ends[name], axis=0) for name in reals}
    scale = {name: WIDER * jnp.std(ends[name], axis=0) + 1e-3 for name in reals}
    return Base(moves.free, loc, scale)


def _has_base(variable: Variable) -> bool:
    return variable.type.kind.space == "finite" or variable.type.kind.name == "real"


def _repeated(given: Values, n: int) -> Values:
    return {name: jnp.broadcast_to(array, (n, *array.shape)) for name, array in given.items()}

"""What adversarial objectives share: the critic, who owns which parameters, and draws."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Call, Expr, Program, Read, Through
from dgmlang.compiler.walk import arguments, walk
from dgmlang.objectives.batch import keyed, per_example
from dgmlang.objectives.objective import Loss, Objective, Params, Player, Values, stateless
from dgmlang.objectives.perceptron import Perceptron
from dgmlang.objectives.priors import with_priors
from dgmlang.objectives.variables import data_names, only, shape_of

CRITIC = "critic"
"""Where the critic's own parameters stand."""


class Critic:
    """The program's critic, or one that is built: an mlp of the data variables laid end to end.

    Attributes:
        owns: Whether a top-level parameter is the critic's: its head, its layers, and nets and
            params that it alone uses.
    """

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.owns = _owned(lowered.program)
        self._names = data_names(lowered)
        self._net: Perceptron | None = None
        if lowered.program.critic is None:
            variables = lowered.program.having("data")
            size = sum(prod(shape_of(variable)) for variable in variables)
            self._net = Perceptron(size, 1, lowered.built.precision)

    def companions(self, key: Array, _: Values) -> Params:
        """The parameters of a critic that is built."""
        return {} if self._net is None else {CRITIC: self._net.init(key)}

    def one(self, params: Params, values: Values) -> Array:
        """The critic's value at one example."""
        if self._net is None:
            return self.lowered.critic(params, values)
        return self._net(params[CRITIC], ravel_pytree(only(values, self._names))[0])[0]

    def __call__(self, params: Params, batch: Values) -> Array:
        """The critic's value [n] of each example."""
        return per_example(self.one)(params, batch)


def contest(name: str, critic: Critic, against: Loss, model: Loss, critic_steps: int) -> Objective:
    """The critic, `critic_steps` times a step, against the model; neither loss is a likelihood."""
    players = (
        Player("critic", against, critic.owns, critic_steps),
        Player("model", model, lambda parameter: not critic.owns(parameter)),
    )
    return with_priors(
        critic.lowered,
        Objective(
            name=name,
            quantity="adversarial losses, not a likelihood",
            players=players,
            companions=critic.companions,
            start=stateless,
            validate=None,
        ),
    )


def _owned(program: Program) -> Callable[[str], bool]:
    if program.critic is None:
        return CRITIC.__eq__
    laws = [v.law for v in program.having("data", "latent") if v.law is not None]
    laws += program.guide.laws.values() if program.guide else ()
    model = owners(program, *(expr for law in laws for expr in arguments(law)))
    own = (owners(program, program.critic.value) - model) | {CRITIC}
    return own.__contains__


def owners(program: Program, *roots: Expr) -> frozenset[str]:
    """The top-level parameter names that expressions use, through nets as well."""
    found: set[str] = set()
    for node in walk(*roots):
        match node:
            case Call(call=call) if call.net not in found:
                found |= {call.net} | owners(program, program.nets[call.net].body)
            case Through(chain=chain):
                found |= set(chain.owner[:1])
            case Read(name=name):
                found.add(name)
    return frozenset(found)


def fakes(lowered: Lowered, params: Params, key: Array, batch: Values) -> Values:
    """A draw for each example, under its givens; other variables are drawn afresh."""
    givens = {v.name: batch[v.name] for v in lowered.program.having("given")}
    if givens:
        return {**givens, **keyed(lowered.draw)(params, key, givens)}
    keys = jax.random.split(key, next(iter(batch.values())).shape[0])
    return jax.vmap(lambda key: lowered.draw(params, key, {}))(keys)


def gradient_norms(critic: Critic, params: Params, batch: Values) -> Array:
    """‖∇c‖ [n] with respect to each example's data variables."""
    names = data_names(critic.lowered)

    def norm(params: Params, values: Values) -> Array:
        def value(data: Values) -> Array:
            return critic.one(params, {**values, **data})

        slopes = jax.tree.leaves(jax.grad(value)(only(values, names)))
        squared = sum((jnp.sum(slope**2) for slope in slopes), jnp.zeros(()))
        # The square root has no gradient at 0, where a critic that is flat would stand.
        return jnp.sqrt(squared + 1e-12)

    return per_example(norm)(params, batch)


def steepness(
    critic: Critic, params: Params, batch: Values, drawn: Values, penalty: float
) -> Array | float:
    """½ penalty (mean ‖∇c(x)‖² + mean ‖∇c(x′)‖²) over data and draws; 0 costs nothing.

    Source: R₁ and R₂ of Mescheder, Geiger & Nowozin 2018, section 4.1, arXiv 1801.04406.
    """
    if not penalty:
        return 0.0
    slopes = (gradient_norms(critic, params, values) for values in (batch, drawn))
    return 0.5 * penalty * sum(jnp.mean(norms**2) for norms in slopes)


def diversity(lowered: Lowered, batch: Values, drawn: Values) -> Array:
    """How widely draws spread for the data's own spread: √ of the ratio of their total variances.

    About 1 where the draws have the data's law, near 0 where they have collapsed to one place. It
    costs a pass over both; what it cannot see is a collapse to several places as far apart.
    """

    def variance(values: Values) -> Array:
        apart = (jnp.sum(jnp.var(x, axis=0)) for x in only(values, data_names(lowered)).values())
        return sum(apart, jnp.zeros(()))

    # Data that are all alike have no spread to be compared with.
    return jnp.sqrt((variance(drawn) + 1e-12) / (variance(batch) + 1e-12))

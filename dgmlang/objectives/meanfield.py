"""Params that are random under independent Gaussians: `elbo(params = meanfield)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import e, log, pi

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.domains import constrain, unconstrain
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.kinds import Kind
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Metrics, Objective, Params, State, Values
from dgmlang.objectives.priors import COUNT
from dgmlang.posterior.chains import Chains
from dgmlang.samplers.charts import chart, log_volume

LOG_SCALES = "q(params)"
"""The companion that holds the Gaussians' log standard deviations; no name of a program."""

START = 0.1
"""The standard deviation that they begin with, as NumPyro's `AutoNormal` does."""

HELD_OUT = 8
"""Draws of the params over which a held-out loss is averaged."""

DRAWS = 1000
"""Draws that queries average over, of params that are not many."""

NUMBERS = 2**26
"""How many numbers these draws are at most, 256 MiB; sixteen draws are kept of the largest nets."""


@dataclass(frozen=True, eq=False)
class MeanField:
    """q(w) = Π N(uᵢ; mᵢ, sᵢ²) over the reals u behind all params and weights that have a prior.

    The maps onto the kinds are NumPyro's, so `positive` is the exponential. The centre m is where
    the parameters themselves are: what trains a point estimate starts, freezes and keeps them too.
    """

    lowered: Lowered

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of the params that move; nets' weights are real."""
        return {v.name: v.type.kind for v in self.lowered.program.having("param")}

    def centre(self, params: Params) -> Params:
        """The means m of what has a prior."""
        kinds, found = self.kinds, {}
        for name in (n for n in self.lowered.program.priors if n in params):
            found[name] = params[name]
            if name in kinds:
                found[name] = chart(kinds[name]).inv(constrain(kinds[name], params[name]))
        return found

    def draw(self, params: Params, key: Array) -> tuple[Params, Params, Array]:
        """A draw as stored and as the program declares it, and log |∂w/∂u| there."""
        kinds, means = self.kinds, self.centre(params)
        leaves, tree = jax.tree.flatten(means)
        keys = jax.tree.unflatten(tree, list(jax.random.split(key, len(leaves))))
        reals = jax.tree.map(
            lambda m, s, k: m + jnp.exp(s) * jax.random.normal(k, m.shape, m.dtype),
            means, params[LOG_SCALES], keys,
        )  # fmt: skip
        declared, volume = dict(reals), jnp.zeros(())
        for name in (n for n in reals if n in kinds):
            onto = chart(kinds[name])
            declared[name] = jnp.asarray(onto(reals[name]))
            volume += log_volume(onto, reals[name], declared[name])
        stored = {n: unconstrain(kinds[n], v) if n in kinds else v for n, v in declared.items()}
        return {**params, **stored}, declared, volume

    def entropy(self, params: Params) -> Array:
        """−E log q(u), in closed form."""
        each = jax.tree.map(lambda s: jnp.sum(s + log(2 * pi * e) / 2), params[LOG_SCALES])
        return jnp.sum(jnp.stack(jax.tree.leaves(each)))


def meanfield(lowered: Lowered, objective: Objective) -> Objective:
    """The objective at a draw of the params, plus KL(q ‖ p(w))/N: a bound over the params too.

    The bound on the evidence is log p(x₁ … x_N) ≥ E_q[Σ log p(xₙ | w)] − KL(q ‖ p(w)). A step
    costs one draw of q more than a step of a point estimate. Independent Gaussians are too narrow
    where params depend on one another in the posterior; `nuts` is not.

    Args:
        lowered: The model; what has no prior stays a point estimate.
        objective: The loss at given params, without their priors.

    Source: Kucukelbir et al. 2017, arXiv 1603.00788, eq. 5; for nets: Blundell et al. 2015.
    """
    field, (player,) = MeanField(lowered), objective.players

    def companions(key: Array, data: Values) -> Params:
        means = field.centre(lowered.init(0, None))
        scales = jax.tree.map(lambda m: jnp.full_like(m, log(START)), means)
        return {**objective.companions(key, data), LOG_SCALES: scales}

    def start(key: Array, params: Params, data: Values) -> State:
        count = jnp.asarray(float(size(data)))
        return {**objective.start(key, params, data), COUNT: count}

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        first, second = jax.random.split(key)
        drawn, _, volume = field.draw(params, first)
        value, (inner, metrics) = player.loss(drawn, state, batch, second)
        divergence = -field.entropy(params) - volume - lowered.log_prior(drawn)
        inner = {**inner, COUNT: state[COUNT]}
        return value + divergence / state[COUNT], (inner, {**metrics, "kl.params": divergence})

    def validate(params: Params, values: Values, key: Array) -> Array:
        assert objective.validate is not None

        def one(key: Array) -> Array:
            first, second = jax.random.split(key)
            assert objective.validate is not None
            return objective.validate(field.draw(params, first)[0], values, second)

        return jnp.mean(jax.lax.map(one, jax.random.split(key, HELD_OUT)), axis=0)

    return replace(
        objective,
        name="elbo",
        quantity="negative ELBO over the params too, a bound",
        players=(replace(player, loss=loss),),
        companions=companions,
        start=start,
        validate=validate if objective.validate else None,
        posterior=lambda params, key: _draws(field, params, key),
    )


def _draws(field: MeanField, params: Params, key: Array) -> Chains:
    """Independent draws of q [1, draws, …]."""
    moved = sum(leaf.size for leaf in jax.tree.leaves(params[LOG_SCALES]))
    keys = jax.random.split(key, max(16, min(DRAWS, NUMBERS // moved)))
    return Chains(jax.tree.map(lambda a: a[None], _declared(field, params, keys)))


@partial(jax.jit, static_argnums=0)
def _declared(field: MeanField, params: Params, keys: Array) -> Params:
    """A draw for each key; a second fit of the same model compiles nothing."""
    return jax.vmap(lambda key: field.draw(params, key)[1])(keys)

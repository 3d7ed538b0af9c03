"""A posterior for each example of the data, no guide: `elbo(guide = local)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import refining
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import ComputedLaw, ScoreLaw, Variable
from dgmlang.objectives.batch import ROW, keyed, mean
from dgmlang.objectives.bound import total
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
from dgmlang.objectives.prior import log_constant
from dgmlang.samplers.charts import chart, log_volume

LOCAL = "q(latents)"
"""The parameters of each example, [N, …]; no name of a program."""

STARTS = 512
"""Draws of the prior whose mean and spread all examples begin with."""

NARROW = 1e-3
"""The least standard deviation to begin with, where the draws are all one."""

Field = dict[str, dict[str, Array]]
"""The `centre` and the `log_scale` of each latent, on the reals."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Independent Gaussians over the latents that are left to a bound, for one example each.

    They live on the reals behind the latents' kinds, by NumPyro's maps.
    """

    lowered: Lowered

    @cached_property
    def latents(self) -> tuple[Variable, ...]:
        """Those latents (DGM0898 where one has no chart onto the reals, or no density)."""
        program = self.lowered.program
        every = [program.variables[b.variable] for b in self.lowered.facts.bounded]
        found = tuple(v for v in every if not isinstance(v.law, ComputedLaw))
        for v in found:
            if v.type.kind.space == "finite" or v.type.varying or isinstance(v.law, ScoreLaw):
                raise DgmError(refining.no_refining(v.span, v.name))
        return found

    def around(self, drawn: Values) -> Field:
        """The moments of draws [k, …]."""
        field: Field = {}
        for v in self.latents:
            reals = jnp.asarray(chart(v.type.kind).inv(drawn[v.name]))
            spread = jnp.maximum(jnp.std(reals, axis=0), NARROW)
            field[v.name] = {"centre": jnp.mean(reals, axis=0), "log_scale": jnp.log(spread)}
        return field

    def noise(self, field: Field, key: Array) -> Values:
        """Standard Gaussian noise of the field's shapes."""
        keys = jax.random.split(key, len(field))
        like = {name: own["centre"] for name, own in field.items()}
        pairs = zip(like.items(), keys, strict=True)
        return {name: jax.random.normal(k, m.shape, m.dtype) for (name, m), k in pairs}

    def placed(self, field: Field, noise: Values) -> tuple[Values, Array]:
        """The latents at some noise, and their log density under the field."""
        latents: Values = {}
        terms: list[Array] = []
        for v in self.latents:
            own, e, onto = field[v.name], noise[v.name], chart(v.type.kind)
            reals = own["centre"] + jnp.exp(own["log_scale"]) * e
            latents[v.name] = jnp.asarray(onto(reals))
            log_q = jax.scipy.stats.norm.logpdf(e) - own["log_scale"]
            terms.append(jnp.sum(log_q) - log_volume(onto, reals, latents[v.name]))
        return latents, total(terms)

    def log_weight(self, params: Params, field: Field, noise: Values, values: Values) -> Array:
        """The log p(x, z) − log q(z) there, up to the normaliser where that is unknown."""
        latents, log_q = self.placed(field, noise)
        full = {**values, **latents}
        log_p = self.lowered.log_prob(params, full)
        return log_p - log_constant(self.lowered, params, full) - log_q


def local(lowered: Lowered, samples: int) -> Objective:
    """The negative ELBO with independent Gaussians of each example's own, moved by its batches.

    Nothing is shared between examples but the model, so there is no amortisation gap, and nothing
    is learned of examples that were not there: `posterior(x, refine = n)` fits theirs. It keeps two
    numbers an entry of each example's latents, and the optimiser two more each.

    Args:
        lowered: The model.
        samples: Draws an example and step.

    Source: stochastic variational inference without amortisation, Hoffman et al. 2013, with
    reparameterised gradients (Kingma & Welling 2014).
    """
    gaussians = Gaussians(lowered)
    assert gaussians.latents

    def rows(key: Array, data: Values, count: int) -> Params:
        field = gaussians.around(_prior_draws(lowered, key, data))
        return {LOCAL: jax.tree.map(lambda leaf: jnp.tile(leaf, (count, *leaf.ndim * [1])), field)}

    def bound(params: Params, key: Array, values: Values) -> Array:
        field = jax.tree.map(lambda leaf: leaf[values[ROW]], params[LOCAL])

        def one(key: Array) -> Array:
            return gaussians.log_weight(params, field, gaussians.noise(field, key), values)

        return jnp.mean(jax.vmap(one)(jax.random.split(key, samples)))

    def loss(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        return -mean(keyed(bound)(params, key, batch), batch), (state, {})

    return Objective(
        name="elbo",
        quantity="negative ELBO by a posterior of each example's own, a bound",
        players=(Player("model", loss, everything),),
        companions=nothing,
        start=stateless,
        validate=None,  # examples that are held out have no posterior of their own
        rows=rows,
    )


def _prior_draws(lowered: Lowered, key: Array, data: Values) -> Values:
    """Draws of all latents, each given the givens of an example."""
    givens = {v.name: data[v.name] for v in lowered.program.having("given")}
    count = len(next(iter(data.values())))
    chosen = jnp.arange(STARTS) % count
    some = {name: array[chosen] for name, array in givens.items()}
    first = lowered.init(0, None)
    draw: Callable[..., Values] = jax.vmap(lowered.draw, in_axes=(None, 0, 0))
    return draw(first, jax.random.split(key, STARTS), some)

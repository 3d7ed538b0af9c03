"""The guide: draws of the latents given the data, their density, and closed-form divergences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from numpyro.distributions import Distribution

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.chains import draw_in_loops
from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.evaluate import Evaluation, evaluation
from dgmlang.compiler.lower.joint import terms_of, total
from dgmlang.compiler.lower.laws import distribution, log_density, log_density_of, sample
from dgmlang.compiler.lower.laws import drawn as drawn_with_density
from dgmlang.compiler.lower.lengths import until_end
from dgmlang.compiler.lower.missing import lacking, mask, somewhere_inside
from dgmlang.compiler.program import ComputedLaw, Guide, Law, Named, Repeated, Variable, WithinBin
from dgmlang.compiler.types.dependence import Component
from dgmlang.compiler.walk import behind
from dgmlang.distributions.divergence import divergence
from dgmlang.objectives.objective import Params, Values

Soft = Mapping[str, Callable[[Distribution, Array], Array]]
"""What stands for the draw of a latent from its law and a key, by latent (`objectives.relaxed`)."""

AS_DRAWN: Soft = MappingProxyType({})

Terms = dict[str, Array]
"""Numbers by variable, the energies' under "energy"."""


class Guided(NamedTuple):
    """One draw of the guide with everything that a bound takes from it.

    Attributes:
        latents: The guide's latents, those that were given included.
        log_p: The summands of the joint log density at data and latents.
        log_q: The summands of the guide's log density.
        kl: The divergence from guide to prior of each latent where it has a closed form.
    """

    latents: Values
    log_p: Terms
    log_q: Terms
    kl: Terms


def guided(
    built: Built,
    params: Params,
    key: Array,
    values: Values,
    stopped: tuple[str, ...] = (),
    soft: Soft = AS_DRAWN,
) -> Guided:
    """A draw and its densities from one evaluation of the nets.

    Densities asked for one by one evaluate the guide's nets each; XLA merges the evaluations, but
    not their gradients. No gradient passes through the draws of `stopped` latents.
    """
    inside = evaluation(built, params, values)
    latents = _drawn(inside, key, stopped, soft)
    return Guided(latents, terms_of(inside), guide_terms_of(inside), _closed(inside))


def guide_draw(
    built: Built, params: Params, key: Array, values: Values, soft: Soft = AS_DRAWN
) -> tuple[Values, Array]:
    """The guide's latents given data and givens, and log q of them; latents in `values` are kept.

    A latent that the guide computes (`z = e`) has no density and adds nothing to log q.
    """
    inside = evaluation(built, params, values)
    latents = _drawn(inside, key, (), soft)
    return latents, total(guide_terms_of(inside).values())


def guide_log_prob(built: Built, params: Params, values: Values) -> Array:
    """The log density q(latents | data), the latents among the values."""
    return total(guide_terms(built, params, values).values())


def guide_terms(built: Built, params: Params, values: Values) -> Terms:
    """The log density q of each latent that the guide draws, given those that it draws before."""
    return guide_terms_of(evaluation(built, params, values))


def guide_terms_of(inside: Evaluation) -> Terms:
    """The same, from an evaluation that holds the latents."""
    laws = _guide(inside.built).laws
    return {n: _term(n, law, inside) for n, law in laws.items() if not isinstance(law, ComputedLaw)}


def guide_term(built: Built, params: Params, values: Values, name: str) -> Array:
    """The log density q of what an example holds of one data variable that the guide draws.

    The variable's law in the guide may read no other that the guide draws.
    """
    held = values[name]
    full = somewhere_inside(built.program.variables[name], held)
    inside = evaluation(built, params, {**values, name: full, mask(name): ~lacking(held)})
    return _term(name, _guide(built).laws[name], inside)


def _term(name: str, law: Law, inside: Evaluation) -> Array:
    """The log density of one latent; of data only what the example lacks was drawn."""
    value, gone = inside.values[name], inside.values.get(mask(name))
    if carried(name) in inside.values:
        return jnp.asarray(inside.values[carried(name)])
    if name in inside.built.lengths:
        value, counted = until_end(name, value, inside)
        return log_density_of(law, value, counted, inside)
    if gone is None:
        return log_density(law, value, inside)
    return log_density_of(law, value, gone, inside)


def kl(built: Built, params: Params, values: Values) -> Terms:
    """KL(q(z | …) ‖ p(z | …)) of each latent where it is known in closed form.

    It may replace the difference of that latent's two terms: it is their mean over z alone, given
    the latents that the guide draws before z. That needs a prior which reads no others.
    """
    return _closed(evaluation(built, params, values))


def _drawn(inside: Evaluation, key: Array, stopped: tuple[str, ...], soft: Soft) -> Values:
    """Draws each latent that has no value yet and puts it into the evaluation."""
    latents: Values = {}
    states = inside.built.state_parts  # computed again from what the latents are in the end
    for part in inside.built.guide_parts:
        drawn = {n: v for n, v in _part(part, key, inside, soft).items() if n not in states}
        for name in part.variables:
            if name not in drawn:
                continue
            value = drawn[name]
            seen = inside.values.get(name)
            value = jax.lax.stop_gradient(value) if name in stopped else value
            if seen is not None:
                inside.values[mask(name)] = latents[mask(name)] = lacking(seen)
                value = jnp.where(lacking(seen), value, seen)
            inside.values[name] = value
            if carried(name) in drawn:
                latents[carried(name)] = inside.values[carried(name)] = drawn[carried(name)]
        latents |= {n: inside.values[n] for n in part.variables if n not in states}
    return latents


def _part(part: Component, key: Array, inside: Evaluation, soft: Soft) -> Values:
    """Draws of those latents of a component that are not all there."""
    built, variables = inside.built, inside.built.program.variables
    laws = {**_guide(built).laws, **{n: built.law(n) for n in built.state_parts}}
    wanted = [n for n in part.variables if _wanted(variables[n], inside)]
    keys = {name: site_key(key, name) for name in wanted}
    if any(isinstance(laws[name], Repeated) for name in wanted):
        return draw_in_loops(part, laws, keys, inside)
    values: Values = {}
    for n in wanted:
        if n in soft:
            values[n] = soft[n](distribution(laws[n], inside), keys[n])
        elif carries(laws[n]):
            values[n], values[carried(n)] = drawn_with_density(
                distribution(laws[n], inside), keys[n]
            )
        else:
            values[n] = stored(variables[n].type.kind, sample(laws[n], keys[n], inside))
    return values


def carries(law: Law) -> bool:
    """Whether a draw takes its log density along, since it cannot be read off what is rounded."""
    return isinstance(law, WithinBin) and law.place is not None


def carried(name: str) -> str:
    """The key, among values, of the log density that a draw of the guide takes along."""
    return f"{name}!"


def _wanted(variable: Variable, inside: Evaluation) -> bool:
    absent = variable.name not in inside.values
    return absent or (variable.type.may_miss and mask(variable.name) not in inside.values)


def _closed(inside: Evaluation) -> Terms:
    closed: Terms = {}
    before: set[str] = set()
    program = inside.built.program
    laws = _guide(inside.built).laws
    # What the guide fills in of the data may be drawn after a latent, as another latent may.
    latents = {v.name for v in program.having("latent")} | set(laws)
    for name, law in laws.items():
        prior = program.variables[name].law
        known_before = latents & behind(prior, program).keys() <= before
        if (
            known_before
            and mask(name) not in inside.values
            and isinstance(law, Named)
            and isinstance(prior, Named)
        ):
            known = divergence(distribution(law, inside), distribution(prior, inside))
            closed |= {} if known is None else {name: known}
        before.add(name)
    return closed


def _guide(built: Built) -> Guide:
    guide = built.program.guide
    assert guide is not None
    return guide

"""The guide: draws of the latents given the data, their density, and closed-form divergences."""

from __future__ import annotations

from jax import Array
from numpyro.distributions import Distribution, kl_divergence

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.joint import total
from dgmlang.compiler.lower.laws import distribution, log_density, sample
from dgmlang.compiler.program import ComputedLaw, Guide, Named
from dgmlang.compiler.walk import parents
from dgmlang.objectives.objective import Params, Values


def guide_draw(built: Built, params: Params, key: Array, values: Values) -> tuple[Values, Array]:
    """The guide's latents given data and givens, and log q of them.

    A latent that is among the values is kept as it is, and log q holds its density too. A latent that the guide computes (`z = e`) has no density and adds nothing to log q.
    """
    drawn: Values = {}
    for name, law in _guide(built).laws.items():
        if name in values:
            continue
        kind = built.program.variables[name].type.kind
        inside = evaluation(built, params, {**values, **drawn})
        if isinstance(law, ComputedLaw):
            drawn[name] = stored(kind, inside.value(law.value))
        else:
            drawn[name] = stored(kind, sample(law, site_key(key, name), inside))
    return drawn, guide_log_prob(built, params, {**values, **drawn})


def guide_log_prob(built: Built, params: Params, values: Values) -> Array:
    """The log density q(latents | data), the latents among the values."""
    return total(guide_terms(built, params, values).values())


def guide_terms(built: Built, params: Params, values: Values) -> dict[str, Array]:
    """The log density q of each latent that the guide draws, given those that it draws before."""
    inside = evaluation(built, params, values)
    return {
        name: log_density(law, values[name], inside)
        for name, law in _guide(built).laws.items()
        if not isinstance(law, ComputedLaw)
    }


def kl(built: Built, params: Params, values: Values) -> dict[str, Array]:
    """KL(q(z | …) ‖ p(z | …)) of each latent where it is known in closed form.

    It may replace the difference of that latent's two terms: it is their mean over z alone, given
    the latents that the guide draws before z. That needs a prior which reads no others.
    """
    inside = evaluation(built, params, values)
    closed: dict[str, Array] = {}
    before: set[str] = set()
    latents = {v.name for v in built.program.having("latent")}
    for name, law in _guide(built).laws.items():
        prior = built.law(name)
        named = isinstance(law, Named) and isinstance(prior, Named)
        if named and latents & parents(prior).keys() <= before:
            divergence = _known(distribution(law, inside), distribution(prior, inside))
            closed |= {} if divergence is None else {name: divergence}
        before.add(name)
    return closed


def _known(q: Distribution, p: Distribution) -> Array | None:
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def _guide(built: Built) -> Guide:
    guide = built.program.guide
    assert guide is not None
    return guide

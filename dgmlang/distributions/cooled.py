"""Laws at a temperature: p(x)^(1/τ), normalised again, entry by entry."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist

from dgmlang.distributions.bernoulli import bernoulli
from dgmlang.distributions.categorical import categorical

COLDEST = 1e-6
"""What a temperature is at least: there a draw is the mode."""


def cooled(law: dist.Distribution, temperature: float) -> dist.Distribution | None:
    """The law at a temperature; None where p^(1/τ) is no law of the same family."""
    t = max(temperature, COLDEST)
    match law:
        case dist.BernoulliLogits() | dist.BernoulliProbs():
            return bernoulli(logits=jnp.asarray(law.logits) / t)
        case dist.CategoricalLogits() | dist.CategoricalProbs():
            return categorical(logits=jnp.asarray(law.logits) / t)
        case dist.Normal():
            return dist.Normal(law.loc, jnp.asarray(law.scale) * t**0.5)
        case dist.MultivariateNormal():
            return dist.MultivariateNormal(law.loc, scale_tril=jnp.asarray(law.scale_tril) * t**0.5)
        case dist.Laplace():
            return dist.Laplace(law.loc, jnp.asarray(law.scale) * t)
        case dist.Exponential():
            return dist.Exponential(jnp.asarray(law.rate) / t)
        case dist.Uniform():
            return law
    return None

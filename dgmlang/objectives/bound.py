"""log p(x, z) − log q(z | x) at latents of the guide: what every variational bound averages."""

from __future__ import annotations

from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.guide import Guided
from dgmlang.compiler.lower.joint import ENERGY
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.prior import log_constant


def bounded_by(lowered: Lowered, gradient: str) -> tuple[str, ...]:
    """The bounded latents whose gradient is estimated in this way."""
    return tuple(b.variable for b in lowered.facts.bounded if b.gradient == gradient)


def splits(lowered: Lowered) -> bool:
    """Whether the bound splits into a reconstruction and a KL, no latent being summed out."""
    return all(r.rule in ("change of variables", "leaf") for r in lowered.facts.removed)


def reconstruction_and_kls(lowered: Lowered, drawn: Guided) -> list[Array]:
    """The terms of one draw's bound: the first minus the others is log p(x, z) − log q(z | x).

    They are the reconstruction log p(x | z), the KL log q(z | x) − log p(z) of each bounded latent
    in their order, and minus the energies' log p. Closed forms stand in for the KLs that have one:
    they have the same mean under the guide, and less variance.
    """
    names = tuple(b.variable for b in lowered.facts.bounded)
    log_p, log_q, closed = drawn.log_p, drawn.log_q, drawn.kl
    # Energies are of latents alone: they belong to the prior, and have one term together.
    prior = {*names, ENERGY}
    kls = [closed[n] if n in closed else log_q[n] - log_p.get(n, 0.0) for n in names]
    reconstruction = total([term for name, term in log_p.items() if name not in prior])
    return [reconstruction, *kls, jnp.negative(log_p.get(ENERGY, jnp.zeros(())))]


def log_weight(lowered: Lowered, params: Params, values: Values, guide: Params) -> Array:
    """The log p(x, z) − log q(z | x), the guide's density at parameters of its own.

    Up to the normaliser where that is unknown; latents by a score have no part in it.
    """
    log_p = lowered.log_prob(params, values) - log_constant(lowered, params, values)
    return log_p - lowered.guide_log_prob(guide, values)


def total(terms: list[Array]) -> Array:
    """The sum of scalars, 0 of none."""
    return reduce(add, terms, jnp.zeros(()))


def leave_one_out(values: Array) -> Array:
    """For each of the values [k] the mean of the others; 0 where there is no other."""
    k = values.shape[0]
    return (jnp.sum(values) - values) / max(k - 1, 1)


def with_gradient_of(value: Array, surrogate: Array) -> Array:
    """`value`, with the gradient of `surrogate` added to its own."""
    return value + surrogate - jax.lax.stop_gradient(surrogate)

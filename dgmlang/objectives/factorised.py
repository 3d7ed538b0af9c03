"""Mean field for the latents of an energy: the best law q(h) = Π q(hᵢ) of each example.

    log Σ_h exp(−E(v, h)) ≥ −E(v, μ) + H(q),   μ the means of q,

since an energy of degree one in each site has its mean at the means. Each block of sites that do
not meet each other is set to its best given the rest, μᵢ = σ(log-odds at the others' means), so the
bound never falls from one block to the next.

Source: Saul, Jaakkola & Jordan 1996; Salakhutdinov & Hinton 2009, eqs. 7 and 8.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.grid import where
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values

SWEEPS = 30
"""Sweeps over the blocks, unless told otherwise."""


def factorised(
    lowered: Lowered, params: Params, values: Values, sweeps: int = SWEEPS
) -> tuple[Values, Array]:
    """The means of one example's latents, and the bound on its log p̃, free of their gradient."""
    latents = {v.name: v for v in lowered.program.having("latent")}
    blocks = [b for b in lowered.blocks if not latents.keys().isdisjoint(b.variables)]
    start: Values = {}
    for name, variable in latents.items():
        low, high = choices(variable.type.kind)
        start[name] = jnp.full(numbers(variable.type.shape), (low + high) / 2.0)

    def sweep(_: int, means: Values) -> Values:
        for block in blocks:
            means = _updated(lowered, params, values, means, block)
        return means

    means = jax.lax.stop_gradient(jax.lax.fori_loop(0, sweeps, sweep, start))
    spread = sum((_entropy(lowered, n, m) for n, m in means.items()), jnp.zeros(()))
    return means, spread - lowered.energy(params, {**values, **means})


def _updated(
    lowered: Lowered, params: Params, values: Values, means: Values, block: Block
) -> Values:
    """The means with those of a block's latents at their best given the others."""
    inside = {name: means[name] for name in block.variables if name in means}

    def negative_energy(some: Values) -> Array:
        return -lowered.energy(params, {**values, **means, **some})

    slopes = jax.grad(negative_energy)(inside)
    found = dict(means)
    for part in (p for p in block.parts if p.variable in inside):
        name = part.variable
        low, high = choices(lowered.program.variables[name].type.kind)
        best = low + (high - low) * jax.nn.sigmoid((high - low) * slopes[name])
        found[name] = jnp.where(where(part, best.shape), best, found[name])
    return found


def _entropy(lowered: Lowered, name: str, means: Array) -> Array:
    low, high = choices(lowered.program.variables[name].type.kind)
    share = (means - low) / (high - low)
    return jnp.sum(jax.scipy.special.entr(share) + jax.scipy.special.entr(1.0 - share))

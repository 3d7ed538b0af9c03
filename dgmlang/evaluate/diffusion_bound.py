"""The variational bound on log p(x) of the law that a chain of denoising steps draws from.

With y = x/α, levels l = σ/α at times t_0 < … < t_T and x̂ the modelled denoising, the chain that
`ddim(steps = T, eta = 1)` runs has

    log p(x) ≥ −KL(q(x_T | x) ‖ π) − Σ_i ½ (l_{i-1}⁻² − l_i⁻²) E ‖x − x̂(y_i, t_i)‖²
               + E log N(x; x̂(y_0, t_0), l_0²).

Source: Kingma et al. 2021, eq. 11 to 13, arXiv 2107.00630; Ho et al. 2020, eq. 5, arXiv 2006.11239.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.reverse import Reverse


@dataclass(frozen=True)
class Steps:
    """How the bound is taken.

    Attributes:
        steps: Denoising steps of the chain, each one evaluation of the score.
        samples: Independent draws of the noise, whose spread is the standard error.
    """

    steps: int = 250
    samples: int = 4


def diffusion_bound(
    lowered: Lowered, params: Params, batch: Values, key: Array, how: Steps
) -> Result:
    """The bound [n], an unbiased estimate of it with its standard error."""
    keys = jax.random.split(key, (how.samples, size(batch)))
    each = np.asarray(_drawn(lowered, how.steps, params, keys, batch))
    method = f"vlb, of what ddim(steps = {how.steps}, eta = 1) draws, {how.samples} draws of noise"
    spread = np.std(each, axis=0, ddof=1) / np.sqrt(how.samples) if how.samples > 1 else None
    return Result(each.mean(axis=0), "bound", spread, method)


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(lowered: Lowered, steps: int, params: Params, keys: Array, batch: Values) -> Array:
    """One draw of the bound [samples, n] for each key."""
    one = partial(_one, lowered, steps, params)
    return jax.lax.map(lambda keys: jax.vmap(one)(keys, batch), keys)


def _one(lowered: Lowered, steps: int, params: Params, key: Array, values: Values) -> Array:
    reverse = Reverse(lowered, params, values)
    process, clean = reverse.process, values[reverse.name].reshape(-1)
    times = process.descent(steps)
    levels = jax.vmap(process.level)(times)

    def missed(place: tuple[Array, Array]) -> Array:
        """‖x − x̂‖²/l² = ‖ε − ε̂‖² at a time."""
        i, t = place
        noise = jax.random.normal(jax.random.fold_in(key, i), clean.shape, clean.dtype)
        x = process.signal(t) * clean + process.noise(t) * noise
        return jnp.sum((noise - reverse.noise(x, t)) ** 2)

    errors = jax.lax.map(missed, (jnp.arange(len(times)), times))
    steep = (levels[:-1] / levels[1:]) ** 2 - 1.0
    last = -0.5 * errors[-1] - clean.size * (jnp.log(levels[-1]) + 0.5 * jnp.log(2.0 * jnp.pi))
    return last - 0.5 * jnp.sum(steep * errors[:-1]) - _beside_the_prior(reverse, clean, times[0])


def _beside_the_prior(reverse: Reverse, clean: Array, t: Array) -> Array:
    """KL(N(α x, σ²) ‖ N(0, s²))."""
    process = reverse.process
    variance, prior = process.noise(t) ** 2, process.prior_scale**2
    kept = (process.signal(t) * clean) ** 2
    return 0.5 * jnp.sum((variance + kept) / prior - 1.0 - jnp.log(variance / prior))

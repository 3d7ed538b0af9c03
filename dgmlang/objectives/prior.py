"""Latents by an energy or a score in a bound on log p(x): what stands for their log density.

*Energy.* log p(z) = −E(z) − log Z. Where Z is a sum it is computed; else the bound is known up to
log Z, whose gradient −E_p[∇E] is that of a negative phase: persistent chains of z, as `pcd`
has them of data.

*Score under a process* z_t = α z + σ ε. With λ = log α²/σ² and s the modelled score, for t₀ the
first time and t uniform in λ between λ₁ at time 1 and λ₀ at t₀,

    log p(z) ≥ E log π(z_1) + d log α(1) + ½ (λ₀ − λ₁) (d − E ‖ε + σ s(z_t, t)‖²)
               + ½ (d − E ‖ε + σ s(z_t₀, t₀)‖²),

the likelihood-weighted denoising bound: the weight g² of the loss is that of λ, since
g² = −σ² dλ/dt, and drawing t by it takes most of the variance away. The last line is the step from
z_t₀ to z, a Gaussian about Tweedie's mean.

Source: Song, Durkan, Murray & Ermon 2021, theorem 3, arXiv 2101.09258; Kingma et al. 2021, eq. 14,
arXiv 2107.00630; negative phase: Pang et al. 2020, eq. 9, arXiv 2006.08205.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.objectives import replay
from dgmlang.objectives.contrast import Chains
from dgmlang.objectives.objective import Metrics, Params, State, Values
from dgmlang.objectives.pcd import TRANSITIONS
from dgmlang.objectives.variables import only

CHAINS = 100
"""Persistent chains of an energy prior."""

STEP = 0.1
"""Their first Langevin step, which then adapts."""


def score_prior(lowered: Lowered) -> bool:
    """Whether some latent's law is by a score."""
    return lowered.inner is not None and lowered.inner.process is not None


def needs_chains(lowered: Lowered) -> bool:
    """Whether some latents' law is by an energy whose normaliser only chains differentiate."""
    inner = lowered.inner
    return inner is not None and inner.facts.normaliser.value == "unknown"


def log_constant(lowered: Lowered, params: Params, values: Values) -> Array:
    """The log Z of latents by an energy where it is a sum; else 0: `log_joint` has −E alone."""
    inner = lowered.inner
    if inner is None or inner.facts.normaliser.value != "summed":
        return jnp.zeros(())
    return log_normalizer(inner, params, values)


def log_prior(lowered: Lowered, params: Params, key: Array, values: Values) -> Array:
    """A draw of the bound on log p of a latent by a score, which `log_joint` leaves out; else 0."""
    if lowered.inner is None or not score_prior(lowered):
        return jnp.zeros(())
    return denoising_bound(lowered.inner, params, key, values)


def denoising_bound(inner: Lowered, params: Params, key: Array, values: Values) -> Array:
    """One unbiased draw of the bound on log p(z) of a score's variable."""
    process, name = inner.process, str(inner.score_variable)
    assert process is not None
    flat, unravel = ravel_pytree(only(values, (name,)))
    first, second, third, fourth = jax.random.split(key, 4)
    begin, end = process.first_time, process.last_time
    low, high = process.log_snr(end), process.log_snr(begin)
    level = low + (high - low) * jax.random.uniform(first, dtype=flat.dtype)
    t = process.time(jnp.exp(-0.5 * level))

    def missed(key: Array, t: Array) -> Array:
        """‖ε + σ s(z_t, t)‖²."""
        noise = jax.random.normal(key, flat.shape, flat.dtype)
        sigma = process.noise(t)
        noisy = unravel(process.signal(t) * flat + sigma * noise)
        slope = ravel_pytree(inner.score(params, {**values, **noisy}, t))[0]
        return jnp.sum((noise + sigma * slope) ** 2)

    last = process.signal(end) * flat
    last += process.noise(end) * jax.random.normal(fourth, flat.shape, flat.dtype)
    bound = process.prior(flat.shape).log_prob(last) + flat.size * jnp.log(process.signal(end))
    bound += 0.5 * (high - low) * (flat.size - missed(second, t))
    return jnp.asarray(bound) + 0.5 * (flat.size - missed(third, jnp.asarray(begin, flat.dtype)))


class NegativePhase:
    """Persistent chains of the latents of an energy prior, beside a bound's loss.

    Attributes:
        start: First states, for an objective's `start`.
    """

    def __init__(self, lowered: Lowered) -> None:
        assert lowered.inner is not None
        self.inner = lowered.inner
        self.moves = Chains(self.inner, 1, STEP)
        self.givens = tuple(v.name for v in lowered.program.having("given"))

    def start(self, key: Array, _: Params, data: Values) -> State:
        """Chains at noise, each with the givens of one of the examples."""
        first, second = jax.random.split(key)
        count = next(iter(data.values())).shape[0]
        rows = jax.random.randint(first, (CHAINS,), 0, count)
        examples = {name: data[name][rows] for name in self.givens}
        noise = self.moves.noise(second, CHAINS, tuple(self.moves.state))
        if self.moves.gibbs:
            return {"chains": {**examples, **noise}}
        return replay.begin(second, self.moves, noise, examples, STEP, CHAINS)

    def __call__(self, params: Params, state: State, key: Array) -> tuple[Array, State, Metrics]:
        """−mean E at states of the chains, whose gradient is that of log Z; and what they did."""
        fixed = jax.lax.stop_gradient(params)
        if self.moves.gibbs:
            state, facts = {"chains": self.moves.move(fixed, key, state["chains"])}, {}
        else:
            state, facts = replay.advance(key, fixed, self.moves, state, TRANSITIONS)
        states = jax.lax.stop_gradient(state["chains"])
        surrogate = -jnp.mean(self.moves.energy(params, states))
        return surrogate - jax.lax.stop_gradient(surrogate), state, facts

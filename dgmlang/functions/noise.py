"""Functions in scope of a score under a process: noise levels, and scores from what nets predict.

With x_t = α x_0 + σ ε the score of x_t given x_0 is −ε/σ; each conversion rewrites it in terms of
one prediction. Those that read x_t get it as the keyword `x`.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from dgmlang.processes.process import AbstractProcess
from dgmlang.registry import implements


@implements("fn", "noise_level")
def noise_level(t: Array, *, process: AbstractProcess) -> Array:
    """σ(t)."""
    return process.noise(t)


@implements("fn", "log_noise")
def log_noise(t: Array, *, process: AbstractProcess) -> Array:
    """Log σ(t)."""
    return jnp.log(process.noise(t))


@implements("fn", "signal_level")
def signal_level(t: Array, *, process: AbstractProcess) -> Array:
    """α(t)."""
    return process.signal(t)


@implements("fn", "scaled")
def scaled(x: Array, t: Array, *, process: AbstractProcess) -> Array:
    """X / √(α² σ_data² + σ²): of unit variance where the data are of the scale σ_data."""
    return x / _deviation(process, t)


@implements("fn", "from_noise")
def from_noise(noise: Array, t: Array, *, process: AbstractProcess) -> Array:
    """−ε/σ."""
    return -noise / process.noise(t)


@implements("fn", "from_denoised")
def from_denoised(denoised: Array, t: Array, *, x: Array, process: AbstractProcess) -> Array:
    """(α x̂ − x)/σ² (Tweedie's formula)."""
    return (process.signal(t) * denoised - x) / process.noise(t) ** 2


@implements("fn", "from_velocity")
def from_velocity(velocity: Array, t: Array, *, x: Array, process: AbstractProcess) -> Array:
    """−ε/σ with v = α ε − σ x̂ and x = α x̂ + σ ε, so ε = (α v + σ x)/(α² + σ²).

    Source: Salimans & Ho 2022, sec. 4, arXiv:2202.00512.
    """
    signal, noise = process.signal(t), process.noise(t)
    return -(signal / noise * velocity + x) / (signal**2 + noise**2)


@implements("fn", "from_preconditioned")
def from_preconditioned(output: Array, t: Array, *, x: Array, process: AbstractProcess) -> Array:
    """The score of x̂ = c_skip x + c_out F, of the least c_out that keeps targets at unit variance.

    With v = α² σ_data² + σ²: c_skip = α σ_data²/v and c_out = σ σ_data/√v, so that
    (α x̂ − x)/σ² = α σ_data F/(σ √v) − x/v, in which nothing cancels.

    Source: Karras et al. 2022, eq. 7 and table 1, there for α = 1, arXiv:2206.00364.
    """
    deviation = _deviation(process, t)
    scale = process.data_scale * process.signal(t) / (process.noise(t) * deviation)
    return scale * output - x / deviation**2


def _deviation(process: AbstractProcess, t: Array) -> Array:
    return jnp.hypot(process.data_scale * process.signal(t), process.noise(t))

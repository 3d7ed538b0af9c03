"""Data under a process: noisy copies at random times, with the weight of each."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.objectives.noise_levels import AUTO, times, weighting
from dgmlang.processes.process import AbstractProcess


class Noised(NamedTuple):
    """x = α(t) x₀ + σ(t) ε.

    x: noisy data [n, d]. noise: ε [n, d]. sigma: σ [n]. t: times [n]. weight: that of
    ½ ‖σ s + ε‖² [n].
    """

    x: Array
    noise: Array
    sigma: Array
    t: Array
    weight: Array


def noised(
    process: AbstractProcess, key: Array, data: Array, how: str = AUTO, when: str = AUTO
) -> Noised:
    """One noisy copy of each row of `data` [n, d], at times and with weights by their names."""
    first, second = jax.random.split(key)
    weigh, draw = weighting(process, how)[1], times(process, when)[1]
    t, share = (a.astype(data.dtype) for a in draw(process, first, data.shape[0]))
    signal, sigma = jax.vmap(lambda t: (process.signal(t), process.noise(t)))(t)
    noise = jax.random.normal(second, data.shape, data.dtype)
    weight = share * jax.vmap(lambda t: weigh(process, t))(t)
    return Noised(signal[:, None] * data + sigma[:, None] * noise, noise, sigma, t, weight)


def blurred(key: Array, data: Array, sigma: float) -> Noised:
    """Data with noise of one level, where there is no process; ‖s + ε/σ‖² weighs one."""
    noise = jax.random.normal(key, data.shape, data.dtype)
    level = jnp.full(data.shape[0], sigma, data.dtype)
    nowhere = jnp.zeros_like(level)
    return Noised(data + sigma * noise, noise, level, nowhere, 1.0 / level**2)


def as_given(data: Array) -> Noised:
    """The data themselves, where there is no process; σ weighs nothing."""
    n = data.shape[0]
    one = jnp.ones(n, data.dtype)
    return Noised(data, jnp.zeros_like(data), one, jnp.zeros_like(one), one)

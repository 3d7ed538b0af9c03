"""Data under a process: noisy copies at random times, with the weight of each."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.objectives.batch import stratified_times
from dgmlang.processes.process import AbstractProcess


class Noised(NamedTuple):
    """x = α(t) x₀ + σ(t) ε.

    x: noisy data [n, d]. noise: ε [n, d]. sigma: σ [n]. t: times [n].
    """

    x: Array
    noise: Array
    sigma: Array
    t: Array


def noised(process: AbstractProcess, key: Array, data: Array) -> Noised:
    """One noisy copy of each row of `data` [n, d], the times stratified over the batch."""
    first, second = jax.random.split(key)
    t = stratified_times(first, data.shape[0], process.first_time).astype(data.dtype)
    signal, sigma = jax.vmap(lambda t: (process.signal(t), process.noise(t)))(t)
    noise = jax.random.normal(second, data.shape, data.dtype)
    return Noised(signal[:, None] * data + sigma[:, None] * noise, noise, sigma, t)


def as_given(data: Array) -> Noised:
    """The data themselves, where there is no process; σ weighs nothing."""
    n = data.shape[0]
    return Noised(data, jnp.zeros_like(data), jnp.ones(n, data.dtype), jnp.zeros(n, data.dtype))

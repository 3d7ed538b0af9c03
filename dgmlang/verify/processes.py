"""Do a process's marginals follow from its stochastic equation."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.processes.process import AbstractContinuous
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance

TIMES = 64
ROUNDING = 1e-3


def processes(instance: Instance) -> Iterator[Finding | Untested]:
    """Two tests of the process; a learned score itself has nothing to be held against."""
    process = instance.lowered.process
    if process is None:
        return
    law = instance.lowered.built.score
    assert law is not None
    assert law[1].process is not None
    name = law[1].process.extern.name
    yield Untested("score", "it is what is modelled, so nothing says what it ought to be")
    if not isinstance(process, AbstractContinuous):
        return
    start = process.first_time + 0.05
    times = jnp.linspace(start, process.last_time - 1e-3, TIMES)

    def rates(t: Array) -> tuple[Array, Array, Array, Array]:
        """α′ and (σ²)′, then the same by the drift c x and the diffusion g."""
        signal, noise = process.signal(t), process.noise(t)
        c = process.drift(jnp.ones(()), t)
        alpha = jax.jvp(process.signal, (t,), (jnp.ones(()),))[1]
        variance = jax.jvp(lambda s: process.noise(s) ** 2, (t,), (jnp.ones(()),))[1]
        return alpha, variance, c * signal, 2.0 * c * noise**2 + process.diffusion(t) ** 2

    alpha, variance, drifted, diffused = jax.jit(jax.vmap(rates))(times)
    yield _held(name, "the signal follows from the drift", alpha, drifted)
    yield _held(name, "the noise follows from drift and diffusion", variance, diffused)


def _held(name: str, claim: str, closed: Array, by_equation: Array) -> Finding:
    scale = 1.0 + jnp.abs(closed)
    return Finding(
        f"process {name}:", claim, f"derivatives of the closed forms at {TIMES} times",
        float(jnp.max(jnp.abs(closed - by_equation) / scale)), ROUNDING,
        "the rate 5 % too large", float(jnp.max(jnp.abs(closed - 1.05 * by_equation) / scale)),
    )  # fmt: skip

"""Do a process's marginals follow from its stochastic equation."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.processes.process import AbstractContinuous, AbstractProcess
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance

TIMES = 64
ROUNDING = 1e-3


def processes(instance: Instance) -> Iterator[Finding | Untested]:
    """Tests of the process; a learned score itself has nothing to be held against."""
    process = instance.lowered.process
    if process is None:
        return
    law = instance.lowered.built.score
    assert law is not None
    assert law[1].process is not None
    name = law[1].process.extern.name
    yield Untested("score", "it is what is modelled, so nothing says what it ought to be")
    yield _levels(name, process)
    if isinstance(process, AbstractContinuous):
        yield from _equation(name, process)


def _levels(name: str, process: AbstractProcess) -> Finding:
    """Is the time that a noise level names the time that has it; samplers and losses rely on it."""
    times = process.spread(jnp.linspace(0.1, 1.0, TIMES))
    level = process.level(times)
    return _held(
        name, "a noise level names its time", f"{TIMES} times and back",
        (times, process.time(level)), "a level 5 % too large", process.time(1.05 * level),
    )  # fmt: skip


def _equation(name: str, process: AbstractContinuous) -> Iterator[Finding]:
    """Are the closed forms the solution of the stochastic equation."""
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
    claims = {"the noise follows from drift and diffusion": (variance, diffused)}
    if bool(jnp.any(drifted != 0)):  # without a drift the signal is 1, and there is no claim
        claims = {"the signal follows from the drift": (alpha, drifted), **claims}
    for claim, pair in claims.items():
        how = f"derivatives of the closed forms at {TIMES} times"
        yield _held(name, claim, how, pair, "the rate 5 % too large", 1.05 * pair[1])


def _held(
    name: str, claim: str, how: str, pair: tuple[Array, Array], mistake: str, mistaken: Array
) -> Finding:
    closed, found = pair
    scale = 1.0 + jnp.abs(closed)
    return Finding(
        f"process {name}:", claim, how, float(jnp.max(jnp.abs(closed - found) / scale)), ROUNDING,
        mistake, float(jnp.max(jnp.abs(closed - mistaken) / scale)),
    )  # fmt: skip

"""At which noise levels a score is matched, and how much each of them counts.

A loss over levels is E_t w(t) ½ ‖σ s(x_t, t) + ε‖², t uniform. A *weighting* is the w. *Times* say
how t is drawn: `uniform`, `stratified` and `importance` have one mean and fall in variance;
`lognormal` is another law of t, and so part of what is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.batch import strata
from dgmlang.processes.process import AbstractContinuous, AbstractProcess

AUTO = "auto"
"""The process's own choice."""

SNR_CAP = 5.0
"""γ of `min_snr`."""

LOG_MEAN, LOG_SPREAD = -1.2, 1.2
"""Of log σ/α by `lognormal`."""

Weighting = Callable[[AbstractProcess, Array], Array]
"""(process, t) → w(t)."""


class Times(NamedTuple):
    """t: times [n]. weight: what makes the mean that of uniform times [n]."""

    t: Array
    weight: Array


# ── weightings ───────────────────────────────────────────────────────────────────────────────────


def _uniform(process: AbstractProcess, t: Array) -> Array:
    """1/σ²: errors of the score itself."""
    return 1.0 / process.noise(t) ** 2


def _variance(process: AbstractProcess, t: Array) -> Array:
    """1: errors of the predicted noise, all levels alike (Song & Ermon 2019; Ho et al. 2020)."""
    return jnp.ones_like(t)


def _likelihood(process: AbstractProcess, t: Array) -> Array:
    """g²/σ² = −d log(α²/σ²)/dt: the loss is a bound on −log p (Song et al. 2021)."""
    return -jax.grad(process.log_snr)(t)


def _min_snr(process: AbstractProcess, t: Array) -> Array:
    """min(α²/σ², 5)/(α²/σ²) (Hang et al. 2023, arXiv:2303.09556)."""
    return jnp.minimum(1.0, SNR_CAP * process.level(t) ** 2)


def _edm(process: AbstractProcess, t: Array) -> Array:
    """(σ² + σ_data²)/σ_data²: unit targets of a preconditioned network (Karras et al. 2022)."""
    return 1.0 + (process.level(t) / process.data_scale) ** 2


WEIGHTINGS: Mapping[str, Weighting] = {
    "variance": _variance, "uniform": _uniform, "likelihood": _likelihood, "min_snr": _min_snr,
    "edm": _edm,
}  # fmt: skip


def weighting(process: AbstractProcess, name: str) -> tuple[str, Weighting]:
    """A weighting by its name, and the name that `auto` stands for (DGM0803)."""
    name = process.weighting if name == AUTO else name
    return name, WEIGHTINGS[_known("weighting", name, WEIGHTINGS, {"likelihood"}, process)]


# ── times ────────────────────────────────────────────────────────────────────────────────────────


def _independent(process: AbstractProcess, key: Array, n: int) -> Times:
    return _plain(process, 1.0 - jax.random.uniform(key, (n,)))


def _stratified(process: AbstractProcess, key: Array, n: int) -> Times:
    return _plain(process, strata(key, n))


def _plain(process: AbstractProcess, places: Array) -> Times:
    return Times(process.spread(places), jnp.ones_like(places))


def _importance(process: AbstractProcess, key: Array, n: int) -> Times:
    """Uniform in log α²/σ²; each weighs by how much denser that is than uniform times."""
    first, last = process.first_time, process.last_time
    low, high = process.log_snr(last), process.log_snr(first)
    level = jnp.exp(-0.5 * (high + (low - high) * strata(key, n)))
    t = jnp.clip(process.time(level), first, last)
    slope = -jax.vmap(jax.grad(process.log_snr))(t)
    return Times(t, (high - low) / ((last - first) * slope))


def _lognormal(process: AbstractProcess, key: Array, n: int) -> Times:
    """Log σ/α from N(−1.2, 1.2²), cut to the process's levels (Karras et al. 2022, table 1)."""
    level = jnp.exp(LOG_MEAN + LOG_SPREAD * jax.random.normal(key, (n,)))
    t = jnp.clip(process.time(level), process.first_time, process.last_time)
    return Times(t, jnp.ones_like(t))


TIMES: Mapping[str, Callable[[AbstractProcess, Array, int], Times]] = {
    "stratified": _stratified, "uniform": _independent, "importance": _importance,
    "lognormal": _lognormal,
}  # fmt: skip


def times(
    process: AbstractProcess, name: str
) -> tuple[str, Callable[[AbstractProcess, Array, int], Times]]:
    """A law of times by its name, and the name that `auto` stands for (DGM0803)."""
    name = process.times if name == AUTO else name
    return name, TIMES[_known("times", name, TIMES, {"importance", "lognormal"}, process)]


def _known(
    what: str, name: str, known: Mapping[str, object], between: set[str], process: AbstractProcess
) -> str:
    """The name, if it is known; `between`: the names that need times between levels."""
    continuous = isinstance(process, AbstractContinuous)
    open_to = [n for n in known if continuous or n not in between]
    if name not in open_to:
        raise DgmError(queries.unknown_choice(what, name, open_to))
    return name

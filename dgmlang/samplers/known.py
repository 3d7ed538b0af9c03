"""Entries of x that are given while a process runs backwards: inpainting.

Given the clean y of some entries, those of x_t are N(α y, σ²) and know nothing of the others, so
their score is (α y − x)/σ². What the others' score is given y no network knows. *Replacement* takes
that given the noisy entries x_t instead. *Guided* adds ∇ log p(y | x_t), with p(y | x_t) taken to
be Gaussian about the denoised entries: exact where the data are Gaussian, independent and of the
scale that the process takes them to have.

Source: replacement: Song et al. 2021, appendix I.2, arXiv 2011.13456; guided: Song, Vahdat, Mardani
& Kautz 2023, eq. 7, Pseudoinverse-guided diffusion models for inverse problems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.diagnostics.codes import plan, queries
from dgmlang.compiler.diagnostics.codes.plan import Unmet
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import mask
from dgmlang.objectives.objective import Values
from dgmlang.processes.process import AbstractProcess

FILLINGS = {"guided": "guided posterior sampling", "replacement": "replacement"}
"""The ways of filling in the others, in words; the default first."""


@dataclass(frozen=True, eq=False)
class Known:
    """The values of entries, and which of them are given; flat [d]."""

    values: Array
    given: Array
    guided: bool

    def score(
        self, process: AbstractProcess, score: Callable[[Array], Array], x: Array, t: ArrayLike
    ) -> Array:
        """The score at x given the known entries, by one without them."""
        signal, variance = process.signal(t), process.noise(t) ** 2
        others = score(x)
        if self.guided:
            others = others + self._pull(process, score, x, t)
        return jnp.where(self.given, (signal * self.values - x) / variance, others)

    def put_back(self, x: Array) -> Array:
        """The draw with the known entries as they are."""
        return jnp.where(self.given, self.values, x)

    def _pull(
        self, process: AbstractProcess, score: Callable[[Array], Array], x: Array, t: ArrayLike
    ) -> Array:
        """∇ log N(y; x̂(x), r²) with r² = l² s²/(l² + s²), the variance of x̂ for data of scale s."""
        signal, variance = process.signal(t), process.noise(t) ** 2
        denoised, back = jax.vjp(lambda x: (x + variance * score(x)) / signal, x)
        precision = 1.0 / process.level(t) ** 2 + 1.0 / process.data_scale**2
        away = jnp.where(self.given, self.values - denoised, 0.0)
        return back(precision * away)[0]


def known_entries(lowered: Lowered, given: Values, filling: str) -> Known | None:
    """The given entries of one example's score variable; None where none are.

    Raises:
        DgmError: DGM0803 for an unknown way to fill, DGM0435 for one that has nothing to fill.
    """
    name = str(lowered.score_variable)
    if filling not in FILLINGS:
        raise DgmError(queries.unknown_choice("filling", filling, FILLINGS))
    if mask(name) not in given:
        if filling != next(iter(FILLINGS)):
            why = Unmet("filling", f"no entries of `{name}` are given")
            raise DgmError(plan.idle_setting("sampler", "filling", why, lowered.program.name))
        return None
    values, missing = given[name].reshape(-1), given[mask(name)].reshape(-1)
    return Known(values, ~missing, filling == "guided")

"""A noising process run backwards with the modelled score, one example laid flat."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import absent, mask
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import shape_of
from dgmlang.processes.process import AbstractContinuous, AbstractProcess
from dgmlang.samplers.known import FILLINGS, Known, known_entries
from dgmlang.samplers.sampler import AbstractDirect, Info

EVALUATIONS = "evaluations"
"""Of `Info`: how often the score was evaluated for a draw, in the mean."""

FILLED = "filled"
"""Of `Info`: there where entries of the data were given."""


@dataclass(frozen=True, eq=False)
class Reverse:
    """The reverse-time equations of one model at fixed parameters and givens; x is flat [d].

    Attributes:
        guidance: w of (1 + w) s(x | givens) − w s(x | without the optional ones), in place of the
            score: givens are exaggerated, and for w ≠ 0 it is no law's score.
        known: The entries of x that are given, if some are.
    """

    lowered: Lowered
    params: Params
    given: Values
    guidance: float = 0.0
    known: Known | None = None

    @property
    def process(self) -> AbstractProcess:
        process = self.lowered.process
        if process is None:
            raise ValueError("a sampler of a process was built for a model without one")
        return process

    @property
    def continuous(self) -> AbstractContinuous:
        """The process, for what moves between levels."""
        assert isinstance(self.process, AbstractContinuous)
        return self.process

    @property
    def name(self) -> str:
        """The variable whose law is by a score."""
        return str(self.lowered.score_variable)

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.lowered.program.variables[self.name])

    def score(self, x: Array, t: ArrayLike) -> Array:
        """∇ log p_t(x), guided, and conditioned on the entries that are known."""
        if self.known is None:
            return self._guided(x, t)
        return self.known.score(self.process, partial(self._guided, t=t), x, t)

    def _guided(self, x: Array, t: ArrayLike) -> Array:
        """Source: Ho & Salimans 2022, eq. 6, arXiv 2207.12598."""
        seen = self._score(x, t, self.given)
        if not self.guidance:
            return seen
        return seen + self.guidance * (seen - self._score(x, t, self._without()))

    def noise(self, x: Array, t: ArrayLike) -> Array:
        """ε = −σ ∇ log p_t(x), the noise that the score sees in x."""
        return -self.process.noise(t) * self.score(x, t)

    def denoised(self, x: Array, t: ArrayLike) -> Array:
        """E[x₀ | x_t = x] = (x + σ² ∇ log p_t(x)) / α (Tweedie): no noise is left at the end."""
        variance = self.process.noise(t) ** 2
        return (x + variance * self.score(x, t)) / self.process.signal(t)

    def drift(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t) − g(t)² ∇ log p_t(x): the reverse SDE's drift in forward time."""
        process = self.continuous
        return process.drift(x, t) - process.diffusion(t) ** 2 * self.score(x, t)

    def flow(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t) − ½ g(t)² ∇ log p_t(x): the probability-flow ODE."""
        process = self.continuous
        return process.drift(x, t) - 0.5 * process.diffusion(t) ** 2 * self.score(x, t)

    def back(self, key: Array, x: Array, t: Array, h: ArrayLike) -> Array:
        """One Euler–Maruyama step of the reverse SDE, from t to t − h."""
        noise = jax.random.normal(key, x.shape, x.dtype)
        moved = x - h * self.drift(x, t)
        return moved + self.continuous.diffusion(t) * jnp.sqrt(h) * noise

    def start(self, key: Array) -> Array:
        """A draw of x at the last time."""
        return jnp.asarray(self.process.prior(self.shape).sample(key)).reshape(-1)

    def _score(self, x: Array, t: ArrayLike, given: Mapping[str, Array]) -> Array:
        values = {**given, self.name: x.reshape(self.shape)}
        return self.lowered.score(self.params, values, jnp.asarray(t))[self.name].reshape(-1)

    def _without(self) -> Values:
        """The givens, the optional ones left out."""
        optional = (v for v in self.lowered.program.having("given") if v.type.optional)
        return {**self.given, **{v.name: absent(v) for v in optional}}


class AbstractReversed(AbstractDirect):
    """A sampler that goes from noise to data, each draw by itself.

    Attributes:
        guidance: As `Reverse` has it.
        filling: How entries that are given condition the others, by the names of `FILLINGS`.
    """

    denoises: ClassVar[bool] = True
    """Whether a last step takes away the noise of the first time, by the score there."""

    guidance: float
    filling: str

    @abstractmethod
    def simulated(self, reverse: Reverse, key: Array) -> tuple[Array, Array]:
        """The x at the first time, and how often the score was evaluated on the way."""

    def batch(self, params: Params, keys: Array, given: Values) -> tuple[Values, Info]:
        def one(key: Array, given: Values) -> tuple[Values, Array]:
            known = known_entries(self.lowered, given, self.filling)
            reverse = Reverse(self.lowered, params, given, self.guidance, known)
            x, evaluations = self.simulated(reverse, key)
            if self.denoises:
                x = reverse.denoised(x, jnp.asarray(reverse.process.first_time))
            x = x if known is None else known.put_back(x)
            return {reverse.name: x.reshape(reverse.shape)}, evaluations + self.denoises

        drawn, evaluations = jax.vmap(one)(keys, given)
        twice = 2 if self.guidance else 1
        info = {EVALUATIONS: twice * jnp.mean(evaluations)}
        filled = {FILLED: jnp.ones(())} if mask(str(self.lowered.score_variable)) in given else {}
        return {**given, **drawn}, info | filled

    def told(self, info: Info) -> str:
        guided = f", guidance {self.guidance:g}: not the model's law" if self.guidance else ""
        filled = f", given entries by {FILLINGS[self.filling]}: approximate" * (FILLED in info)
        return (
            f"{self.note}{guided}{filled}; {float(info[EVALUATIONS]):.6g} evaluations of the score"
        )

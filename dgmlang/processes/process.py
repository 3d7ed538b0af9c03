"""What a forward noising process is: x_t = α(t) x_0 + σ(t) ε.

Time runs from the data at 0 to noise at 1. Seen through x_t/α(t), every process adds noise of the
standard deviation σ/α, its `level`, and nothing else; so processes differ in how levels lie over
times, and samplers that jump from level to level need to know no more.

Source: Song et al. 2021, Score-based generative modeling through SDEs, sec. 3, arXiv:2011.13456;
Karras et al. 2022, appendix B, arXiv:2206.00364.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.typing import ArrayLike


@dataclass(frozen=True)
class AbstractProcess(ABC):
    """A process by its marginals; its settings are the fields."""

    first_time: ClassVar[float] = 1e-5
    """Where training begins and draws end: σ(0) = 0 would divide by zero."""

    last_time: ClassVar[float] = 1.0

    weighting: ClassVar[str] = "variance"
    """How `dsm` weighs noise levels where nobody says."""

    times: ClassVar[str] = "stratified"
    """How `dsm` draws times where nobody says."""

    @abstractmethod
    def signal(self, t: ArrayLike) -> Array:
        """α(t), the factor of the data."""

    @abstractmethod
    def noise(self, t: ArrayLike) -> Array:
        """σ(t), the standard deviation of the noise."""

    @abstractmethod
    def time(self, level: ArrayLike) -> Array:
        """The t at which σ/α is `level`."""

    @abstractmethod
    def spread(self, places: ArrayLike) -> Array:
        """Times for places in (0, 1], in their order: uniform places give uniform times."""

    @abstractmethod
    def descent(self, steps: int) -> Array:
        """The times of at most `steps` jumps from the last time to the first, both among them."""

    @abstractmethod
    def ladder(self, levels: int) -> Array:
        """The times of noise levels that fall from the last time to the first."""

    @property
    def data_scale(self) -> float:
        """The standard deviation that the data are taken to have."""
        return 1.0

    @property
    def prior_scale(self) -> float:
        """The standard deviation at time 1; data of that of the noise or less are assumed."""
        return 1.0

    def level(self, t: ArrayLike) -> Array:
        """σ/α, the noise beside data of their own size."""
        return self.noise(t) / self.signal(t)

    def log_snr(self, t: ArrayLike) -> Array:
        """The log of α²/σ², the signal-to-noise ratio; it falls."""
        return 2.0 * (jnp.log(self.signal(t)) - jnp.log(self.noise(t)))

    def prior(self, shape: tuple[int, ...]) -> dist.Distribution:
        """The law that x at the last time is taken to have: Gaussian, of the process's noise."""
        law = dist.Normal(jnp.zeros(shape), self.prior_scale)
        return law.to_event(len(shape))


@dataclass(frozen=True)
class AbstractContinuous(AbstractProcess):
    """The marginals of dx = f dt + g dw.

    `drift` and `diffusion` agree with `signal` and `noise`: where the drift is c(t) x, α′ = c α and
    (σ²)′ = 2 c σ² + g².
    """

    @abstractmethod
    def drift(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t), of the shape of x; t is a scalar."""

    @abstractmethod
    def diffusion(self, t: ArrayLike) -> Array:
        """g(t), the same for all entries."""

    def spread(self, places: ArrayLike) -> Array:
        return self.first_time + (self.last_time - self.first_time) * jnp.asarray(places)

    def descent(self, steps: int) -> Array:
        return self.spread(jnp.linspace(1.0, 0.0, steps + 1))

    def ladder(self, levels: int) -> Array:
        """`levels` of them, σ/α geometric."""
        ends = jnp.log(self.level(self.spread(jnp.asarray([1.0, 0.0]))))
        return self.time(jnp.exp(jnp.linspace(ends[0], ends[1], levels)))

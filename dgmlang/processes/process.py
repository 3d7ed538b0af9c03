"""What a forward noising process is: x_t = α(t) x_0 + σ(t) ε, the marginals of dx = f dt + g dw.

Time runs from the data at 0 to noise at 1. `signal` and `noise` are the marginals in closed form;
`drift` and `diffusion` are those of the equation and agree with them: where the drift is c(t) x,
α′ = c α and (σ²)′ = 2 c σ² + g².

Source: Song et al. 2021, Score-based generative modeling through SDEs, sec. 3, arXiv:2011.13456.
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
    """A process in continuous time; its settings are the fields."""

    first_time: ClassVar[float] = 1e-5
    """Where training begins and draws end: σ(0) = 0 would divide by zero."""

    last_time: ClassVar[float] = 1.0

    @abstractmethod
    def signal(self, t: ArrayLike) -> Array:
        """α(t), the factor of the data."""

    @abstractmethod
    def noise(self, t: ArrayLike) -> Array:
        """σ(t), the standard deviation of the noise."""

    @abstractmethod
    def drift(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t), of the shape of x; t is a scalar."""

    @abstractmethod
    def diffusion(self, t: ArrayLike) -> Array:
        """g(t), the same for all entries."""

    def prior(self, shape: tuple[int, ...]) -> dist.Distribution:
        """The law that x at time 1 is taken to have: Gaussian, of the process's own noise."""
        law = dist.Normal(jnp.zeros(shape), self.prior_scale)
        return law.to_event(len(shape))

    @property
    def prior_scale(self) -> float:
        """The standard deviation at time 1; data of that of the noise or less are assumed."""
        return 1.0

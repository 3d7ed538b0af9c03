"""Draws between the two values of a bit, through which a gradient passes. Both are biased."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from numpyro.distributions import Distribution, Independent, RelaxedBernoulliLogits

Draw = Callable[[Distribution, Array], Array]
"""(the guide's law of a latent, key) → what stands for its draw."""


def relaxed(temperature: float) -> Draw:
    """A draw of the binary Concrete law, within (0, 1): nearly a bit where `temperature` is small.

    σ((l + log u − log(1 − u)) / temperature), u uniform and l the log-odds: above ½ with the bit's
    own probability. What is computed from it is of another model than that of bits.

    Source: Maddison et al. 2017, arXiv 1611.00712; Jang et al. 2017, arXiv 1611.01144.
    """

    def draw(law: Distribution, key: Array) -> Array:
        entries: Any = law.base_dist if isinstance(law, Independent) else law
        return jnp.asarray(RelaxedBernoulliLogits(temperature, entries.logits).sample(key))

    return draw


def straight_through(temperature: float) -> Draw:
    """A bit, with the gradient of the relaxed draw that it is rounded from.

    Values are the model's own; the gradient is not. Source: Jang et al. 2017, section 2.2.
    """
    soft = relaxed(temperature)

    def draw(law: Distribution, key: Array) -> Array:
        value = soft(law, key)
        rounded = (value > 0.5).astype(value.dtype)
        return jax.lax.stop_gradient(rounded) + (value - jax.lax.stop_gradient(value))

    return draw

"""A model as a law of another: its density with the latents removed exactly, and its draws."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro.distributions import Distribution, constraints

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.program import Marginal
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.charts import constraint

if TYPE_CHECKING:  # its laws are evaluated by what asks for this one
    from dgmlang.compiler.lower.evaluate import Evaluation


class OfModel(Distribution):
    """The law of the data of a model; values and draws may have leading axes.

    Args:
        built: The model.
        params: The parameters of the whole program, the model's among them.
        givens: The values of the model's givens.
    """

    def __init__(self, built: Built, params: Params, givens: Values) -> None:
        (self.data,) = built.program.having("data")
        self.built, self.params, self.givens = built, params, givens
        super().__init__(event_shape=numbers(self.data.type.array_shape), validate_args=False)

    @property
    def support(self) -> Any:
        """All of the kind of the model's data."""
        on = constraint(self.data.type.kind)
        rank = len(self.event_shape) - on.event_dim
        return constraints.independent(on, rank) if rank else on

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        """Log p(value), what rules remove of the model being removed."""
        from dgmlang.compiler.lower.remove import log_prob

        def one(value: Array) -> Array:
            return log_prob(self.built, self.params, {**self.givens, self.data.name: value})

        array = jnp.asarray(value)
        lead = array.shape[: array.ndim - len(self.event_shape)]
        if not lead:
            return one(array)
        return jax.vmap(one)(array.reshape(-1, *self.event_shape)).reshape(lead)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws through the model's latents."""
        from dgmlang.compiler.lower.draw import draw

        def one(key: Any) -> Array:
            return jnp.asarray(draw(self.built, self.params, key, self.givens)[self.data.name])

        if not sample_shape:
            return one(key)
        drawn = jax.vmap(one)(jax.random.split(key, prod(sample_shape)))
        return drawn.reshape(*sample_shape, *self.event_shape)


def of_model(law: Marginal, inside: Evaluation) -> OfModel:
    """The law at the evaluation's values, run as the whole program runs."""
    outer = inside.built
    how = {"watch": outer.watch, "solving": outer.solving, "temperature": outer.temperature}
    givens = {name: jnp.asarray(inside.value(e)) for name, e in law.givens.items()}
    return OfModel(replace(outer.marginals[id(law)], **how), inside.params, givens)

"""A law of the program as a NumPyro distribution over all examples at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro import distributions as dist
from numpyro.distributions import constraints

from dgmlang.compiler.lower.evaluate import Evaluation, evaluation
from dgmlang.compiler.lower.laws import log_density
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Law, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.charts import constraint


@dataclass(frozen=True, eq=False)
class Place:
    """Where the laws of examples are evaluated.

    Attributes:
        lowered: The program.
        weights: What its nets and stages hold.
        shared: Its params, on their own scale.
        values: The examples' variables, each with a leading axis.
    """

    lowered: Lowered
    weights: Params
    shared: Values
    values: Values

    def inside(self, values: Values) -> Evaluation:
        """At one example's values."""
        return evaluation(self.lowered.built, self.weights, {**self.shared, **values})

    def draw(self, key: Array, values: Values) -> Values:
        """All directed variables of one example that are not among its values."""
        return self.lowered.draw(self.weights, key, {**self.shared, **values})

    def each(self, function: Any, *arrays: Array) -> Any:
        """A function of one example's values, and of its entry of arrays, over all examples."""
        axes = (0 if self.values else None, *(0 for _ in arrays))
        return jax.vmap(function, in_axes=axes)(self.values, *arrays)


class Examples(dist.Distribution):
    """One variable of n examples: batch shape [n], and the variable's own shape as its event.

    The law of each example reads the values of that example, so this is what stands in NumPyro's
    plate of examples.
    """

    def __init__(self, variable: Variable, law: Law, place: Place, n: int) -> None:
        self.variable, self.law, self.place = variable, law, place
        shape = numbers(variable.type.array_shape)
        super().__init__(batch_shape=(n,), event_shape=shape, validate_args=False)

    @property
    def support(self) -> Any:
        return over(self.variable)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        if sample_shape:
            return jax.vmap(lambda key: self.sample(key, sample_shape[1:]))(
                jax.random.split(key, sample_shape[0])
            )
        keys = jax.random.split(key, self.batch_shape[0])
        return self.place.each(lambda values, key: self._draw(key, values), keys)

    def _draw(self, key: Array, values: Values) -> Array:
        return self.place.draw(key, values)[self.variable.name]

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        def one(values: Values, own: Array) -> Array:
            return log_density(self.law, own, self.place.inside({**values, **self._own(own)}))

        return self.place.each(one, jnp.asarray(value))

    def _own(self, value: Array) -> Values:
        """Where a law reads the variable's own past, the variable is there."""
        return {self.variable.name: value}


def over(variable: Variable) -> Any:
    """The values of a variable's kind, as one event of the variable's shape."""
    on = constraint(variable.type.kind)
    rank = len(variable.type.array_shape) - on.event_dim
    return constraints.independent(on, rank) if rank else on

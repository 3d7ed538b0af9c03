"""Posteriors of single examples, from where the guide has them: independent Gaussians on the reals.

A guide is one function for all examples. How much of its bound it loses by that, the amortisation
gap, shows where the same example has a Gaussian of its own (Cremer, Li & Duvenaud 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import size
from dgmlang.objectives.local import STARTS, Field, Gaussians
from dgmlang.objectives.objective import Params, Values

DRAWS = 4
"""Draws a step, in pairs on both sides of the centre."""

TRIED = 16
"""Draws by which the two places to begin are compared."""

RATE, LAST = 0.05, 0.001
"""Adam's rate, falling from the one to the other."""

EXAMPLES = 256
"""Examples that are refined together."""


@dataclass(frozen=True, eq=False)
class Refined(Gaussians):
    """Gaussians that begin where the guide has them, and move up the bound."""

    def began(self, params: Params, key: Array, values: Values) -> Field:
        """The moments of draws of the guide, or of the prior where their bound is higher.

        A guide that was not trained, or meets what it has not seen, can be far away.
        """
        first, second, third = jax.random.split(key, 3)
        by_guide = jax.vmap(lambda key: self.lowered.guide_draw(params, key, values)[0])
        givens = {v.name: values[v.name] for v in self.lowered.program.having("given")}
        by_prior = jax.vmap(lambda key: self.lowered.draw(params, key, givens))
        guide = self.around(by_guide(jax.random.split(first, STARTS)))
        prior = self.around(by_prior(jax.random.split(second, STARTS)))

        def bound(field: Field) -> Array:
            def weigh(key: Array) -> Array:
                return self.log_weight(params, field, self.noise(field, key), values)

            return jnp.mean(jax.vmap(weigh)(jax.random.split(third, TRIED)))

        better = bound(guide) >= bound(prior)
        return jax.tree.map(lambda a, b: jnp.where(better, a, b), guide, prior)

    def fitted(self, params: Params, key: Array, values: Values, steps: int) -> Field:
        """The field after so many steps up the bound, of one example."""
        first, second = jax.random.split(key)
        field = self.began(params, first, values)
        adam = optax.adam(optax.exponential_decay(RATE, steps, LAST / RATE))

        def loss(field: Field, key: Array) -> Array:
            def one(key: Array) -> Array:
                noise = self.noise(field, key)
                other = {name: -e for name, e in noise.items()}
                both = [self.log_weight(params, field, e, values) for e in (noise, other)]
                return -(both[0] + both[1]) / 2

            return jnp.mean(jax.vmap(one)(jax.random.split(key, DRAWS // 2)))

        def step(carry: tuple[Field, optax.OptState], key: Array) -> tuple[tuple, None]:
            field, state = carry
            change, state = adam.update(jax.grad(loss)(field, key), state, field)
            return (optax.apply_updates(field, change), state), None

        keys = jax.random.split(second, steps)
        return jax.lax.scan(step, (field, adam.init(field)), keys)[0][0]


def refined_bound(
    lowered: Lowered, params: Params, batch: Values, key: Array, steps: int, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each example's bound [n] by a Gaussian of its own, and its standard error [n].

    The draws that it is measured by are not those that it was fitted to.
    """
    keys = jax.random.split(key, size(batch))
    mean, error = _bounds(lowered, steps, samples, params, keys, batch)
    return np.asarray(mean), np.asarray(error)


def refined_draws(
    lowered: Lowered, params: Params, batch: Values, key: Array, steps: int
) -> Values:
    """One draw of each example's own Gaussians [n, …] by latent."""
    return _draws(lowered, steps, params, jax.random.split(key, size(batch)), batch)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _bounds(
    lowered: Lowered, steps: int, samples: int, params: Params, keys: Array, batch: Values
) -> tuple[Array, Array]:
    refined = Refined(lowered)

    def one(example: tuple[Array, Values]) -> tuple[Array, Array]:
        (first, second), values = jax.random.split(example[0]), example[1]
        field = refined.fitted(params, first, values, steps)

        def weigh(key: Array) -> Array:
            return refined.log_weight(params, field, refined.noise(field, key), values)

        log_w = jax.vmap(weigh)(jax.random.split(second, samples))
        return jnp.mean(log_w), jnp.std(log_w) / jnp.sqrt(max(samples - 1, 1))

    return jax.lax.map(one, (keys, batch), batch_size=min(len(keys), EXAMPLES))


@partial(jax.jit, static_argnums=(0, 1))
def _draws(lowered: Lowered, steps: int, params: Params, keys: Array, batch: Values) -> Values:
    refined = Refined(lowered)

    def one(example: tuple[Array, Values]) -> Values:
        first, second = jax.random.split(example[0])
        field = refined.fitted(params, first, example[1], steps)
        return refined.placed(field, refined.noise(field, second))[0]

    return jax.lax.map(one, (keys, batch), batch_size=min(len(keys), EXAMPLES))

"""An energy against a sampler network, in place of chains."""

from __future__ import annotations

from math import prod

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import per_example, size
from dgmlang.objectives.contrast import contrast
from dgmlang.objectives.objective import (
    Metrics,
    Objective,
    Params,
    Player,
    State,
    Values,
    stateless,
)
from dgmlang.objectives.perceptron import Perceptron
from dgmlang.objectives.priors import with_priors
from dgmlang.objectives.variables import data_names, only, shape_of
from dgmlang.registry import implements

SAMPLER = "sampler"
"""Where the parameters of the sampler and of what infers its codes stand."""


@implements("objective", "adversarial")
def adversarial(
    lowered: Lowered, *, entropy: float = 1.0, sampler_steps: int = 1, l2: float = 0.0
) -> Objective:
    """Energy: E(x) − E(x′) + l2 E², x′ from a sampler; sampler: E(x′) − entropy · H, H a bound.

    The sampler is built: x′ = g(z) + σ ε with z, ε ~ N(0, I), g an mlp, z as wide as the data. Its
    loss at `entropy` 1 is KL(sampler ‖ model) less log Z but for the entropy of x′, which has no
    closed form; a net r that infers z from x′ bounds it from below, H(x′) ≥ H(z) + H(x′ | z) +
    E log r(z | x′), and is trained along. Biased: the energy's gradient is the likelihood's only
    where the sampler's law is the model's, which a sampler that lags or drops modes is not. Without
    entropy it collapses to the least energy. Reported: `entropy`, the bound in nats. A step costs
    two energies and one pass of three nets, and two for each of `sampler_steps`.

    Source: Kim & Bengio 2016, arXiv 1606.03439; the variational entropy: Dai et al. 2017, section
    4.2, arXiv 1702.01691.
    """
    net = _Sampler(lowered)
    energy = per_example(lowered.free_energy)

    def model(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        drawn, _ = net.draw(params, key, size(batch))
        above = energy(params, batch), batch
        value, metrics = contrast(energy, params, above, drawn, l2)
        return value, (state, metrics)

    def sampler(
        params: Params, state: State, batch: Values, key: Array
    ) -> tuple[Array, tuple[State, Metrics]]:
        drawn, bound = net.draw(params, key, size(batch))
        value = jnp.mean(energy(params, drawn)) - entropy * bound
        return value, (state, {"entropy": bound})

    return with_priors(
        lowered,
        Objective(
            name="adversarial",
            quantity="adversarial losses, not a likelihood",
            players=(
                Player("sampler", sampler, SAMPLER.__eq__, sampler_steps),
                Player("model", model, lambda name: name != SAMPLER),
            ),
            companions=net.companions,
            start=stateless,
            validate=None,
        ),
    )


class _Sampler:
    """The sampler and the net that infers its codes, on the data laid end to end."""

    def __init__(self, lowered: Lowered) -> None:
        self._names = data_names(lowered)
        self._shapes = {v.name: shape_of(v) for v in lowered.program.having("data")}
        self._width = sum(map(prod, self._shapes.values()))
        precision = lowered.built.precision
        self._forth = Perceptron(self._width, self._width, precision)
        self._back = Perceptron(self._width, 2 * self._width, precision)

    def companions(self, key: Array, data: Values) -> Params:
        """Nets at their first values, about the data's moments."""
        first, second = jax.random.split(key)
        flat = self._flat(only(data, self._names))
        scale = jnp.std(flat, axis=0) + 1e-3
        own = {
            "forth": self._forth.init(first),
            "back": self._back.init(second),
            "loc": jnp.mean(flat, axis=0),
            "scale": scale,
            "log_noise": jnp.log(scale),
        }
        return {SAMPLER: own}

    def draw(self, params: Params, key: Array, n: int) -> tuple[Values, Array]:
        """N draws, and a lower bound of their entropy in nats."""
        own = params[SAMPLER]
        loc, scale = (jax.lax.stop_gradient(own[name]) for name in ("loc", "scale"))
        first, second = jax.random.split(key)
        z, noise = (jax.random.normal(k, (n, self._width)) for k in (first, second))
        middle = jax.vmap(lambda z: self._forth(own["forth"], z))(z)
        # A sampler that begins as wide as the data, with z passed on: the nets learn the rest.
        centred = scale[None] * (z + middle) + jnp.exp(own["log_noise"])[None] * noise
        x = loc[None] + centred
        inferred = jax.vmap(lambda x: self._back(own["back"], x))(centred / scale[None])
        mean, log_width = jnp.split(inferred, 2, axis=1)
        miss = (z - mean) * jnp.exp(-log_width)
        # The Gaussian's constants of r(z | x′) and of H(z) cancel up to ½ an entry.
        about_z = jnp.mean(jnp.sum(0.5 - 0.5 * miss**2 - log_width, axis=1))
        given_z = jnp.sum(own["log_noise"]) + 0.5 * self._width * (1.0 + jnp.log(2.0 * jnp.pi))
        return self._apart(x), about_z + given_z

    def _flat(self, values: Values) -> Array:
        n = size(values)
        return jnp.concatenate([values[name].reshape(n, -1) for name in self._names], axis=1)

    def _apart(self, x: Array) -> Values:
        found: Values = {}
        place = 0
        for name, shape in self._shapes.items():
            width = prod(shape)
            found[name] = x[:, place : place + width].reshape(x.shape[0], *shape)
            place += width
        return found

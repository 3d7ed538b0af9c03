"""The noise law that is built for noise-contrastive estimation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array

from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import shape_of

RIDGE = 1e-4
"""Added to a covariance, relative to its mean diagonal: constant columns keep some width."""


def fitted_noise(lowered: Lowered, data: Values) -> Params:
    """The parameters of the noise law by data variable, matched to the data.

    A Gaussian with the data's mean and full covariance for real variables; entries independent of
    each other, counted with one example added a level, for finite ones.
    """
    return {v.name: _fitted(v, data[v.name]) for v in lowered.program.having("data")}


def noise_log_prob(lowered: Lowered, noise: Params, values: Values) -> Array:
    """The log density of one example."""
    laws = ((v.name, _law(v, noise[v.name])) for v in lowered.program.having("data"))
    return sum((jnp.asarray(law.log_prob(values[name])) for name, law in laws), jnp.zeros(()))


def noise_draw(lowered: Lowered, noise: Params, key: Array) -> Values:
    """One draw of all data variables."""
    return {
        v.name: jnp.asarray(_law(v, noise[v.name]).sample(jax.random.fold_in(key, place)))
        for place, v in enumerate(lowered.program.having("data"))
    }


def _fitted(variable: Variable, data: Array) -> Params:
    n = data.shape[0]
    if variable.type.kind.name == "real":
        flat = data.reshape(n, -1)
        loc = jnp.mean(flat, axis=0)
        centred = flat - loc[None]
        covariance = centred.T @ centred / n
        width = RIDGE * jnp.mean(jnp.diag(covariance)) + jnp.finfo(flat.dtype).tiny
        ridge = width * jnp.eye(flat.shape[1], dtype=flat.dtype)
        return {"loc": loc, "scale_tril": jnp.linalg.cholesky(covariance + ridge)}
    levels = _levels(variable)
    counts = jnp.sum(jax.nn.one_hot(_classes(variable, data), levels), axis=0)
    return {"log_probs": jnp.log((counts + 1.0) / (n + levels))}


def _law(variable: Variable, noise: Params) -> dist.Distribution | _Relabelled:
    """The law of a variable's whole array."""
    shape = shape_of(variable)
    if "loc" in noise:
        flat = dist.MultivariateNormal(noise["loc"], scale_tril=noise["scale_tril"])
        reshape = dist.transforms.ReshapeTransform(shape, noise["loc"].shape)
        return dist.TransformedDistribution(flat, reshape)
    classes = dist.CategoricalLogits(noise["log_probs"]).to_event(len(shape))
    return _Relabelled(classes, variable)


class _Relabelled:
    """Classes 0, 1, … as the values of a variable's kind: spins are −1 and 1, bits are floats."""

    def __init__(self, classes: dist.Distribution, variable: Variable) -> None:
        self.classes = classes
        self.variable = variable

    def log_prob(self, value: Array) -> Array:
        return jnp.asarray(self.classes.log_prob(_classes(self.variable, value)))

    def sample(self, key: Array) -> Array:
        drawn = jnp.asarray(self.classes.sample(key))
        kind = self.variable.type.kind
        return stored(kind, 2 * drawn - 1 if kind.name == "spin" else drawn)


def _levels(variable: Variable) -> int:
    levels = variable.type.kind.levels
    return 0 if levels is None else numbers((levels,))[0]


def _classes(variable: Variable, values: Array) -> Array:
    """The values of a finite kind as classes 0, 1, …"""
    classes = (values + 1) / 2 if variable.type.kind.name == "spin" else values
    return classes.astype(jnp.int32)

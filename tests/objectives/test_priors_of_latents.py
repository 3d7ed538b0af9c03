"""Latents by an energy or a score in a bound, against quadrature and closed forms in 1-D."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.objectives.elbo import elbo
from dgmlang.objectives.prior import denoising_bound
from tests.lower.statistics import mean_matches

GRID = jnp.linspace(-6.0, 6.0, 6001)

ENERGY = """model M {
  param a : real
  param m : real
  latent z : real
  energy a * z + z ** 2 / 2 + sin(2 * z)
  data x : real ~ Normal(z, 0.7)
  guide { z ~ Normal(m, 0.5) }
}
"""
A, M, X = 0.8, -0.3, 0.4


def log_prior(a: jax.Array | float) -> jax.Array:
    """Minus the energy on the grid."""
    return -a * GRID - GRID**2 / 2 - jnp.sin(2 * GRID)


def exact_bound(params: dict) -> jax.Array:
    """The ELBO at X by quadrature, its normaliser included."""
    log_p, step = log_prior(params["a"]), GRID[1] - GRID[0]
    log_z = jax.nn.logsumexp(log_p) + jnp.log(step)
    log_q = -0.5 * ((GRID - params["m"]) / 0.5) ** 2 - jnp.log(0.5) - 0.5 * jnp.log(2 * jnp.pi)
    log_x = -0.5 * ((X - GRID) / 0.7) ** 2 - jnp.log(0.7) - 0.5 * jnp.log(2 * jnp.pi)
    return jnp.sum(jnp.exp(log_q) * (log_p - log_z + log_x - log_q)) * step


def exact_draws(key: jax.Array, n: int) -> jax.Array:
    """Draws of the prior, by its distribution function on the grid."""
    weights = jax.nn.softmax(log_prior(A))
    return jnp.interp(jax.random.uniform(key, (n,)), jnp.cumsum(weights), GRID)


@pytest.mark.parametrize("phase", ["model", "noise"])
def test_the_gradient_with_a_negative_phase_is_that_of_the_bound(phase: str) -> None:
    """Chains at exact draws stay so: the mean gradient is exact. Chains at noise: it is not."""
    lowered = dgm.parse(ENERGY).lowered
    objective = elbo(lowered)
    params = {"a": jnp.asarray(A), "m": jnp.asarray(M)}
    batch = {"x": jnp.full(100, X)}
    first = objective.start(jax.random.key(0), params, batch)

    @jax.jit
    def gradient(key: jax.Array) -> dict:
        own, rest = jax.random.split(key)
        z = exact_draws(own, 100)
        start = z if phase == "model" else 3.0 + 0.0 * z
        state = {**first, "chains": {"z": start}, "log_step": jnp.asarray(-4.0)}
        return jax.grad(lambda p: objective.players[0].loss(p, state, batch, rest)[0])(params)

    keys = jax.random.split(jax.random.key(1), 1500)
    found = jax.lax.map(gradient, keys)
    truth = jax.grad(lambda p: -exact_bound(p))(params)
    assert mean_matches(np.asarray(found["m"], float), float(truth["m"]))
    agrees = mean_matches(np.asarray(found["a"], float), float(truth["a"]))
    assert agrees == (phase == "model")


def test_without_a_normaliser_nothing_is_called_a_bound() -> None:
    model = dgm.parse(ENERGY)
    assert model.plan.default_sampler == "ancestral(z: mala)"
    assert "not a bound" in elbo(model.lowered).quantity
    assert elbo(model.lowered).validate is None
    found = model.with_params({"a": A, "m": M}).log_prob(np.array([X]))
    assert "up to the normaliser" in found.method


def test_draws_of_an_energy_above_a_directed_law() -> None:
    drawn = (
        dgm.parse(ENERGY)
        .with_params({"a": A, "m": M})
        .draws(10_000, sampler="ancestral(z: mala(steps = 60, warmup = 60))", seed=3)
    )
    z, x = (np.asarray(drawn[n], float) for n in "zx")
    weights = np.asarray(jax.nn.softmax(log_prior(A)), float)
    mean = float(weights @ np.asarray(GRID))
    second = float(weights @ np.asarray(GRID) ** 2)
    assert mean_matches(z, mean)
    assert mean_matches(x, mean)
    assert mean_matches(x**2, second + 0.49)
    assert not mean_matches(x**2, second)


SCORE = """model M {
  param c : real
  latent z : real[2]
  score z at t under PROCESS = -c * z
  data x : real[2] ~ Normal(z, 0.5)
  guide { z ~ Normal(x, 0.5) }
}
"""


def bounds(process: str, c: float, n: int) -> np.ndarray:
    """Draws of the bound on log p(z) at one place."""
    inner = dgm.parse(SCORE.replace("PROCESS", process)).lowered.inner
    assert inner is not None
    z, keys = jnp.asarray([0.5, -1.2]), jax.random.split(jax.random.key(5), n)

    def one(key):
        return denoising_bound(inner, {"c": jnp.asarray(c)}, key, {"z": z})

    return np.asarray(jax.jit(jax.vmap(one))(keys), float)


def test_the_denoising_bound_is_tight_at_the_true_score() -> None:
    """Under `vp` data of N(0, I) stay so, their score is −z, and the reverse SDE is exact."""
    truth = -0.5 * (0.25 + 1.44) - np.log(2 * np.pi)
    found = bounds("vp(beta_min = 0.1, beta_max = 20)", 1.0, 40_000)
    assert mean_matches(found, truth)
    assert not mean_matches(bounds("vp(beta_min = 0.1, beta_max = 20)", 0.7, 40_000), truth)
    assert bounds("vp(beta_min = 0.1, beta_max = 20)", 0.7, 40_000).mean() < truth


def test_a_score_as_a_prior_trains_draws_and_bounds() -> None:
    model = dgm.parse(SCORE.replace("PROCESS", "vp"))
    assert model.plan.default_sampler == "ancestral(z: sde)"
    assert model.plan.objectives["elbo"].built
    assert not model.plan.objectives["iwae"].legal
    x = np.random.default_rng(0).standard_normal((64, 2))
    fit = model.fit(x, steps=5, batch=32, seed=0)
    assert fit.quantity == "negative ELBO, a bound"
    assert fit.sample(4, sampler="ancestral(z: sde(steps = 20))").shape == (4, 2)
    assert fit.log_prob(x[:3]).kind == "bound"

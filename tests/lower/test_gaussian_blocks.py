"""Gibbs updates of reals whose conditionals are Gaussians, read off gradient and curvature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from tests.lower.statistics import mean_matches

pytestmark = pytest.mark.usefixtures("x64")

RBM = """model GaussianRBM {
  param W : real[4, 3]
  param b : real[4]
  param c : real[3]
  data   v : real[4]
  latent h : bit[3]
  energy 2 * sum((v - b) ** 2) - v @ W @ h - c @ h
}
"""
RING = "model Ring { data x : real[6]\n energy sum((x - shift(x, 1, axis = 0)) ** 2 + x ** 2) }"


def updated(model, params, values, block, n=20_000):
    keys = jax.random.split(jax.random.key(4), n)
    return jax.jit(jax.vmap(lambda k: model.lowered.update(params, k, values, block)))(keys)


def test_visible_reals_are_drawn_from_their_conditional():
    model = dgm.parse(RBM)
    first, second = model.plan.facts.blocks
    assert (first.variables, second.variables) == (("v",), ("h",))
    rng = np.random.default_rng(2)
    W, b, h = rng.standard_normal((4, 3)), rng.standard_normal(4), np.array([1.0, 0.0, 1.0])
    params = {"W": jnp.asarray(W), "b": jnp.asarray(b), "c": jnp.zeros(3)}
    values = {"v": jnp.asarray(rng.standard_normal(4)), "h": jnp.asarray(h)}
    v = np.asarray(updated(model, params, values, first)["v"])
    mean = b + W @ h / 4  # the curvature of the energy is 4 in each site
    assert mean_matches(v, mean)
    assert mean_matches((v - mean) ** 2, 0.25)
    assert not mean_matches((v - mean) ** 2, 0.5)


def test_a_sweep_over_a_ring_leaves_its_law():
    model = dgm.parse(RING)
    precision = 6 * np.eye(6) - 2 * (np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0))
    covariance = np.linalg.inv(precision)
    n = 20_000
    draws = np.random.default_rng(5).standard_normal((n, 6)) @ np.linalg.cholesky(covariance).T

    def sweep(key, x):
        for number, block in enumerate(model.plan.facts.blocks):
            x = model.lowered.update({}, jax.random.fold_in(key, number), {"x": x}, block)["x"]
        return x

    keys = jax.random.split(jax.random.key(6), n)
    moved = np.asarray(jax.jit(jax.vmap(sweep))(keys, jnp.asarray(draws)))
    products = moved[:, :, None] * moved[:, None, :]
    assert mean_matches(products.reshape(n, -1), covariance.reshape(-1))
    assert not mean_matches(
        products.reshape(n, -1), np.linalg.inv(precision + np.eye(6)).reshape(-1)
    )
    assert np.abs(moved - draws).mean() > 0.1


@pytest.mark.parametrize("energy", ["v ** 1", "(2 * v - b) ** 1", "v ** 1 * h"])
def test_a_first_power_has_no_curvature(energy: str) -> None:
    variables = "param b : real[3]\n data v : real[3]\n data h : bit[3]"
    text = f"model M {{ {variables}\n energy sum({energy}) + b @ h }}"
    assert not any("v" in b.variables for b in dgm.parse(text).plan.facts.blocks)

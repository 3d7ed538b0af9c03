"""Spectral norms against singular values, and what a bound on them holds."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.layers.spectral import held, norm

RNG = np.random.default_rng(0)
TEXT = (Path(__file__).resolve().parents[2] / "examples" / "neural_ebm.dgm").read_text()


@pytest.mark.parametrize("shape", [(128, 128), (2, 128), (300, 1), (200, 90)])
def test_the_norm_is_the_largest_singular_value(shape: tuple[int, int]) -> None:
    kernel = RNG.normal(size=shape).astype(np.float32)
    truth = np.linalg.norm(kernel, 2)
    assert float(norm(jnp.asarray(kernel))) == pytest.approx(truth, rel=0.01)
    bounded = np.linalg.norm(np.asarray(held(jnp.asarray(kernel), 0.5)), 2)
    assert bounded == pytest.approx(0.5, rel=0.01)
    # The twin: the bound that the entries alone would give.
    assert np.linalg.norm(kernel) > 1.02 * truth or 1 in shape


def test_a_kernel_below_the_bound_stays() -> None:
    kernel = jnp.asarray(0.01 * RNG.normal(size=(8, 8)), jnp.float32)
    assert np.array_equal(held(kernel, 1.0), kernel)
    assert np.array_equal(held(100 * kernel, 0.0), 100 * kernel)


def test_the_gradient_is_the_outer_product_of_singular_vectors() -> None:
    kernel = RNG.normal(size=(5, 7)).astype(np.float32)
    u, _, v = np.linalg.svd(kernel)
    assert np.allclose(jax.grad(norm)(jnp.asarray(kernel)), np.outer(u[:, 0], v[0]), atol=1e-3)
    assert np.array_equal(jax.grad(norm)(jnp.zeros((3, 4))), np.zeros((3, 4)))


@pytest.mark.parametrize("bound", ["", ", spectral = 0.5"])
def test_a_trained_network_stretches_no_more_than_it_may(bound: str) -> None:
    text = TEXT.replace("mlp([128, 128])", f"mlp([16, 16], activation = tanh{bound})")
    text = text.replace("-> real = x", "-> real[16] raw = x").replace(
        "energy E(x)", "energy sum(E(x))"
    )
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    fit = dgm.parse(text).fit(x, objective="nce", steps=200, optimizer="adam(0.05)", seed=0)
    one, other = (np.random.default_rng(i).normal(size=(500, 2)).astype(np.float32) for i in (1, 2))
    apart = np.asarray(fit.nets.E(one)) - np.asarray(fit.nets.E(other))
    steepest = np.max(np.linalg.norm(apart, axis=1) / np.linalg.norm(one - other, axis=1))
    # Two layers of at most ½ each, and tanh of at most 1; without a bound they go beyond.
    assert (steepest <= 0.25 * 1.03) == bool(bound)

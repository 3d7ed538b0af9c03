"""Gaussianization's layer: the tails, hard searches, where it starts, and its law."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_ndtr
from scipy.stats import logistic, norm

import dgmlang as dgm
from dgmlang.bijections.bijection import pull, push
from dgmlang.bijections.bracket import between
from dgmlang.bijections.mixture_cdf import Gaussianized, MixtureCdf
from dgmlang.bijections.quantile import normal_quantile
from tests.blocks.bijection_cases import CASES
from tests.blocks.test_bijections import at_random, transform

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("x64", "tolerance"), [(False, 1e-6), (True, 1e-11)])
def test_the_quantile_of_a_log_probability_reaches_both_tails(x64: bool, tolerance: float) -> None:
    with jax.enable_x64(x64):
        x = np.concatenate([-np.logspace(-3, 3, 40)[::-1], [0.0], np.logspace(-3, 3, 40)])
        below, above = jnp.asarray(log_ndtr(x), float), jnp.asarray(log_ndtr(-x), float)
        found = jax.jit(normal_quantile)(below, above)
        np.testing.assert_allclose(found, x, rtol=5 * tolerance, atol=tolerance)


@pytest.mark.usefixtures("x64")
def test_the_quantile_has_two_derivatives() -> None:
    """Φ⁻¹(Φ(x)) = x has slope 1 and curvature 0."""

    def back(x: jax.Array) -> jax.Array:
        return normal_quantile(jax.scipy.special.log_ndtr(x), jax.scipy.special.log_ndtr(-x))

    x = jnp.concatenate([-jnp.logspace(-3, 2, 40), jnp.logspace(-3, 2, 40)])
    # JAX's own log Φ is right to some ten digits.
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(back)))(x), 1.0, rtol=1e-7)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(jax.grad(back))))(x), 0.0, atol=1e-4)


@pytest.mark.usefixtures("x64")
def test_the_density_is_that_of_the_mixture() -> None:
    """One layer on a normal base makes each entry the mixture itself."""
    case = CASES["mixture_cdf"]
    flow = transform(case)
    y = jnp.asarray(np.random.default_rng(3).normal(size=case.shape)) * 3
    weights = np.asarray(jax.nn.softmax(flow.logits, axis=-1))
    each = logistic.pdf(np.asarray(y)[:, None], flow.loc, np.exp(flow.log_scale))
    expected = np.log((weights * each).sum(axis=1)).sum()

    def log_density(flow: Gaussianized) -> Any:
        x, log_det = pull(flow, y)
        return norm.logpdf(np.asarray(x)).sum() - log_det

    np.testing.assert_allclose(log_density(flow), expected, rtol=1e-10)
    wrong = Gaussianized(flow.logits, flow.loc, flow.log_scale + 0.05)  # the power of this check
    assert abs(log_density(wrong) - expected) > 1e-3


@pytest.mark.parametrize("size", [1e-6, 5.0, 40.0, 1e4])
def test_there_and_back_at_the_tails(size: float) -> None:
    case = CASES["mixture_cdf"]
    flow = transform(case)
    x = size * np.random.default_rng(2).normal(size=(8, *case.shape)).astype("f")
    ys, log_dets = jax.jit(jax.vmap(lambda x: push(flow, x)))(x)
    back, same = jax.jit(jax.vmap(lambda y: pull(flow, y)))(ys)
    np.testing.assert_allclose(back, x, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(same, log_dets, rtol=1e-4, atol=1e-4)


def test_a_gap_and_a_cliff_are_found() -> None:
    """Modes 2000 scales apart: flat between them, a cliff at each; halving is what gets through."""
    flow = Gaussianized(jnp.zeros((1, 2)), jnp.array([[-1.0, 1.0]]), jnp.full((1, 2), -6.9))
    x = jnp.linspace(-4, 4, 201)[:, None]
    y, log_det = jax.jit(jax.vmap(flow.push))(x)
    assert bool(jnp.isfinite(y).all() & jnp.isfinite(log_det).all())
    assert bool((jnp.diff(y[:, 0]) >= 0).all())
    np.testing.assert_allclose(jnp.abs(y[jnp.abs(x) > 0.1]), 1.0, atol=0.03)
    np.testing.assert_allclose(jax.vmap(flow.pull)(y)[0], x, atol=2e-3)


def test_what_no_bracket_holds_is_nan_and_takes_no_other_entry_along() -> None:
    def claimed(y: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.where(jnp.abs(y) > 2, jnp.nan, y), jnp.ones_like(y)

    found = between(claimed, jnp.array([30.0, 0.5]), jnp.full(2, -1.0), jnp.array([60.0, 2.0]))
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1], 0.5, rtol=1e-6)


@pytest.mark.usefixtures("x64")
def test_gradients_of_a_draw_are_those_of_the_exact_inverse() -> None:
    bijection = CASES["mixture_cdf"].bijection
    params, x = at_random(bijection), jnp.array([0.3, -1.0, 2.0, 0.0])

    def total(size: Any) -> Any:
        return jnp.sum(
            push(bijection.transform({**params, "loc": params["loc"] * size}), x)[0] ** 2
        )

    slope = (total(1 + 1e-6) - total(1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.jit(jax.grad(total))(1.0), slope, rtol=1e-6)


@pytest.mark.parametrize(("components", "error"), [(1, 0.2), (2, 0.5), (5, 0.25), (20, 0.12)])
def test_it_starts_near_the_identity(components: int, error: float) -> None:
    bijection = MixtureCdf(components, (2,))
    x = jnp.linspace(-2, 2, 41)[:, None] * jnp.ones((1, 2))
    y = jax.vmap(bijection.transform(bijection.init(np.random.default_rng(0))).push)(x)[0]
    assert float(jnp.abs(y - x).max()) < error


def test_it_starts_from_the_data_where_there_are_any() -> None:
    """A skewed entry, one of two modes and one that does not vary come out standard normal."""
    rng = np.random.default_rng(0)
    modes = 5 + np.sign(rng.normal(size=512)) + 0.1 * rng.normal(size=512)
    entries = rng.exponential(3, 512), modes, np.full(512, 7.0)
    ys = jnp.asarray(np.stack(entries, axis=1), float)
    bijection = MixtureCdf(20, (3,))
    params, xs = bijection.settle(bijection.init(rng), ys, {})
    np.testing.assert_allclose(xs[:, 0].mean(), 0.0, atol=0.1)
    np.testing.assert_allclose(xs.std(axis=0), [1.0, 1.0, 0.0], atol=0.15)
    again = jax.vmap(bijection.transform(params).pull)(ys)[0]
    np.testing.assert_array_equal(xs, again)


def test_gaussianization_trains_and_draws() -> None:
    """After training the flow is nearer the law than a Gaussian of its moments, by far."""
    x = dgm.data("8gaussians", 4000)["x"]
    fitted = dgm.load(EXAMPLES / "gaussianization.dgm", layers=3).fit(x, steps=300, batch=256)
    fresh = dgm.data("8gaussians", 2000, seed=1)["x"]
    gaussian = norm.logpdf(fresh, 0.0, np.sqrt(2.01)).sum(axis=1).mean()
    assert float(fitted.log_prob(fresh).mean()) > gaussian + 1.0
    radius = np.linalg.norm(fitted.sample(1000), axis=1)
    assert abs(radius.mean() - 2.0) < 0.2
    assert "one pass, mixture_cdf by an iteration" in str(fitted.model.explain())

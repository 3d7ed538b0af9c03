"""Distributions: densities and moments against SciPy, draws, and gradients at kinks.

A moment of n draws is held to five standard errors; with some 50 such checks at fixed keys the
chance that a right sampler fails anywhere is about 3e-5.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ive

from dgmlang.compiler.library import library
from dgmlang.registry import implementation, implemented
from tests.blocks.distribution_cases import (
    CATEGORICAL,
    COVARIANCE,
    LOW_RANK,
    MULTIVARIATE,
    PLAIN,
    PROBS,
    UNIVARIATE,
    law,
    log_density,
    stats,
)


def test_every_distribution_is_here() -> None:
    others = {"Categorical", "OrderedLogistic", "LKJ", "LKJCholesky"}
    assert {*UNIVARIATE, *MULTIVARIATE, *others} == {n for _, n in implemented("dist")}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", UNIVARIATE)
def test_density_of_numbers_is_scipys(name: str) -> None:
    arguments, points, reference = UNIVARIATE[name]
    found = jax.jit(jax.vmap(law(name, arguments).log_prob))(jnp.asarray(points))
    # JAX's log beta function is a series for large arguments, right to 3e-7.
    close = 1e-6 if name == "BetaBinomial" else 1e-10
    np.testing.assert_allclose(found, log_density(reference, points), rtol=close)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", MULTIVARIATE)
def test_density_of_vectors_is_scipys(name: str) -> None:
    arguments, points, reference = MULTIVARIATE[name]
    for point in points:
        found = law(name, arguments).log_prob(jnp.asarray(point))
        np.testing.assert_allclose(found, reference.logpdf(point), rtol=1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("by", CATEGORICAL)
def test_categorical_is_its_probabilities(by: str) -> None:
    found = law("Categorical", {by: CATEGORICAL[by]})
    np.testing.assert_allclose(
        [found.log_prob(jnp.asarray(k)) for k in range(3)], np.log(PROBS), rtol=1e-12
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("probs", [1e-6, 0.3, 1 - 1e-6])
def test_bernoulli_by_probabilities(probs: float) -> None:
    found = law("Bernoulli", {"probs": probs}).log_prob(jnp.array([0.0, 1.0]))
    expected: Any = stats.bernoulli(probs)
    np.testing.assert_allclose(found, expected.logpmf([0, 1]), rtol=1e-12)


def draws(of: Any, count: int, seed: int = 0) -> np.ndarray:
    """Independent draws of one example each, as the lowering makes them."""
    keys = jax.random.split(jax.random.key(seed), count)
    return np.asarray(jax.jit(jax.vmap(of.sample))(keys), float)


def errors(sample: np.ndarray, mean: Any, variance: Any, fourth: Any) -> tuple[Any, Any]:
    """How many standard errors mean and variance are off; `fourth` is the central moment."""
    n = len(sample)
    of_mean = (sample.mean(0) - mean) / np.sqrt(variance / n)
    squares = ((sample - mean) ** 2).mean(0)
    return of_mean, (squares - variance) / np.sqrt((fourth - variance**2) / n)


def moments(reference: Any) -> tuple[float, float, float]:
    mean, variance, _, kurtosis = (float(m) for m in reference.stats("mvsk"))
    return mean, variance, (kurtosis + 3) * variance**2


WITH_MOMENTS = [n for n in UNIVARIATE if n not in ("Cauchy", "HalfCauchy", "VonMises")]


@pytest.mark.parametrize("name", WITH_MOMENTS)
def test_draws_have_the_right_mean_and_variance(name: str) -> None:
    arguments, _, reference = UNIVARIATE[name]
    sample = draws(law(name, arguments), 20_000)
    assert np.abs(errors(sample, *moments(reference))).max() < 5


@pytest.mark.parametrize("name", ["Normal", "Gamma", "Beta", "Bernoulli"])
def test_moments_see_a_wrong_sampler(name: str) -> None:
    arguments, _, reference = UNIVARIATE[name]
    sample = draws(law(name, arguments), 20_000)
    mean, variance, fourth = moments(reference)
    assert np.abs(errors(mean + 1.1 * (sample - mean), mean, variance, fourth)).max() > 5
    assert np.abs(errors(sample + 0.1 * np.sqrt(variance), mean, variance, fourth)).max() > 5


@pytest.mark.parametrize("name", ["Cauchy", "HalfCauchy"])
def test_draws_without_moments_have_the_right_quantiles(name: str) -> None:
    arguments, _, reference = UNIVARIATE[name]
    sample, levels = draws(law(name, arguments), 20_000), np.array([0.1, 0.5, 0.9])
    below = (sample[:, None] < reference.ppf(levels)).mean(0)
    assert (np.abs(below - levels) < 5 * np.sqrt(levels * (1 - levels) / len(sample))).all()


def test_angles_have_the_right_mean_direction() -> None:
    """E cos(x − loc) = I₁(κ)/I₀(κ), and E sin(x − loc) = 0."""
    sample = draws(law("VonMises", UNIVARIATE["VonMises"][0]), 20_000) - 0.7
    for found, expected in ((np.cos(sample), ive(1, 2.0) / ive(0, 2.0)), (np.sin(sample), 0.0)):
        assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(len(sample))


# ── gradients through draws ──────────────────────────────────────────────────────────────────────

PATHWISE = [
    name
    for name in WITH_MOMENTS
    if library().externs["dist"][name].has("reparameterised")
    if not {*UNIVARIATE[name][0]} <= {*PLAIN}
]


@pytest.mark.parametrize("name", PATHWISE)
def test_slopes_through_draws_are_those_of_the_mean(name: str) -> None:
    """The mean of ∂x/∂θ over draws is d E[x]/dθ, by differences of the exact mean."""
    arguments = {n: v for n, v in UNIVARIATE[name][0].items() if n not in PLAIN}
    fixed = {n: v for n, v in UNIVARIATE[name][0].items() if n in PLAIN}

    def drawn(values: Any, key: Any) -> Any:
        return law(name, {**fixed, **values}).sample(key)

    keys = jax.random.split(jax.random.key(3), 1000)
    slopes = jax.jit(jax.vmap(jax.grad(drawn), (None, 0)))(arguments, keys)

    def log_prob(values: Any, x: Any) -> Any:
        return law(name, {**fixed, **values}).log_prob(x)

    density = jax.jit(jax.vmap(lambda values, x: jnp.exp(log_prob(values, x)), (None, 0)))
    low, high = (float(UNIVARIATE[name][2].ppf(q)) for q in (1e-13, 1 - 1e-13))
    points = (edges := np.linspace(low, high, 20_001))[1:] - (edges[1] - low) / 2

    def mean(values: dict[str, float]) -> float:
        weights = np.asarray(density(values, jnp.asarray(points)), float)
        return float(np.sum(points * weights) / np.sum(weights))

    for argument, value in arguments.items():
        up, down = ({**arguments, argument: value + step} for step in (0.02, -0.02))
        expected, each = (mean(up) - mean(down)) / 0.04, np.asarray(slopes[argument], float)
        error = each.std() / np.sqrt(len(each)) + 1e-3
        assert abs(each.mean() - expected) < 5 * error, argument
        # Half the slope is seen wherever the slope is no small one.
        assert abs(expected) < 10 * error or abs(each.mean() / 2 - expected) > 5 * error, argument


def test_draws_of_vectors_have_the_right_moments() -> None:
    sample = draws(law("MultivariateNormal", MULTIVARIATE["MultivariateNormal"][0]), 20_000)
    spread = np.sqrt(np.diag(COVARIANCE))
    assert (np.abs(sample.mean(0) - [0.5, -1.0]) < 5 * spread / np.sqrt(20_000)).all()
    # Var of a product moment of Gaussians: σ_i² σ_j² + σ_ij².
    error = np.sqrt((np.outer(spread, spread) ** 2 + COVARIANCE**2) / 20_000)
    assert (np.abs(np.cov(sample.T) - COVARIANCE) < 5 * error).all()

    concentration = np.array([0.5, 2.0, 3.0])
    sample = draws(law("Dirichlet", {"concentration": concentration}), 20_000)
    entry = stats.beta(concentration, concentration.sum() - concentration)
    error = entry.std() / np.sqrt(20_000)
    assert (np.abs(sample.mean(0) - entry.mean()) < 5 * error).all()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("by", ["covariance_matrix", "precision_matrix"])
def test_a_gaussian_by_its_covariance_or_precision(by: str) -> None:
    matrix = COVARIANCE if by == "covariance_matrix" else np.linalg.inv(COVARIANCE)
    found = law("MultivariateNormal", {"loc": np.array([0.5, -1.0]), by: matrix})
    expected = stats.multivariate_normal([0.5, -1.0], cov=COVARIANCE).logpdf([3.0, 2.0])
    np.testing.assert_allclose(found.log_prob(jnp.array([3.0, 2.0])), expected, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_ordered_classes_by_their_cutpoints() -> None:
    """P(x ≤ k) = σ(c_k − predictor): McCullagh 1980, eq. 2."""
    cutpoints, predictor = np.array([-1.0, 0.0, 2.0]), 0.7
    found = law("OrderedLogistic", {"predictor": predictor, "cutpoints": cutpoints})
    below = np.concatenate([[0.0], 1 / (1 + np.exp(predictor - cutpoints)), [1.0]])
    probs = np.exp([found.log_prob(jnp.asarray(k)) for k in range(4)])
    np.testing.assert_allclose(probs, np.diff(below), rtol=1e-12)
    frequencies = np.bincount(draws(found, 20_000).astype(int), minlength=4) / 20_000
    assert (np.abs(frequencies - probs) < 5 * np.sqrt(probs * (1 - probs) / 20_000)).all()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("concentration", [0.7, 2.0])
def test_correlations_of_two_are_a_stretched_beta(concentration: float) -> None:
    """For d = 2, (r + 1)/2 ~ Beta(η, η): Lewandowski, Kurowicka & Joe 2009, section 3."""
    arguments = {"dimension": 2, "concentration": concentration}
    beta = stats.beta(concentration, concentration, -1, 2)
    for r in (-0.9, 0.2, 0.7):
        matrix = jnp.array([[1.0, r], [r, 1.0]])
        found = law("LKJ", arguments).log_prob(matrix)
        np.testing.assert_allclose(found, beta.logpdf(r), rtol=1e-9)
        # ∂r/∂L₂₁ = 1: the factor's density is the correlation's.
        factor = law("LKJCholesky", arguments).log_prob(jnp.linalg.cholesky(matrix))
        np.testing.assert_allclose(factor, beta.logpdf(r), rtol=1e-9)


@pytest.mark.parametrize("name", ["LKJ", "LKJCholesky"])
def test_draws_of_correlations_have_the_right_moments(name: str) -> None:
    beta = stats.beta(2.0, 2.0, -1, 2)
    sample = draws(law(name, {"dimension": 2, "concentration": 2.0}), 4000)[:, 1, 0]
    assert np.abs(errors(sample, *moments(beta))).max() < 5
    assert np.abs(errors(1.2 * sample, *moments(beta))).max() > 5


@pytest.mark.parametrize("name", ["MultivariateStudentT", "LowRankMultivariateNormal", "Wishart"])
def test_draws_of_vectors_and_matrices_have_the_right_moments(name: str) -> None:
    arguments, _, reference = MULTIVARIATE[name]
    sample = draws(law(name, arguments), 40_000)
    if name == "Wishart":
        mean, variance = reference.mean(), reference.var()
    else:
        spread = 5 / 3 * COVARIANCE if name == "MultivariateStudentT" else LOW_RANK
        mean, variance = np.array([0.5, -1.0]), np.diag(spread)
        # The products' own spread, from the draws: a fourth moment that the t has at 5 degrees.
        products = np.einsum("ni,nj->nij", sample - mean, sample - mean)
        error = products.std(0) / np.sqrt(len(sample))
        assert (np.abs(products.mean(0) - spread) < 5 * error).all()
    assert (np.abs(sample.mean(0) - mean) < 5 * np.sqrt(variance / len(sample))).all()


@pytest.mark.parametrize("by", CATEGORICAL)
def test_draws_of_classes_have_the_right_frequencies(by: str) -> None:
    sample = draws(law("Categorical", {by: CATEGORICAL[by]}), 20_000)
    frequencies = np.bincount(sample.astype(int), minlength=3) / len(sample)
    assert (np.abs(frequencies - PROBS) < 5 * np.sqrt(PROBS * (1 - PROBS) / len(sample))).all()


# ── Bernoulli's gradient ─────────────────────────────────────────────────────────────────────────

FAR = (0.0, 1e-9, -3.0, 40.0, -40.0, 1e4, -1e4)


def bernoulli(logits: Any, value: Any) -> Any:
    return implementation("dist", "Bernoulli")(logits=logits).log_prob(value)


@pytest.mark.parametrize("logits", FAR)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_slope_of_bernoulli_in_its_logits(value: float, logits: float) -> None:
    """∂ log p/∂ logits = x − σ(logits), at exactly 0 too."""
    expected = value - 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    np.testing.assert_allclose(jax.grad(bernoulli)(logits, value), expected, atol=1e-6)


def test_numpyros_own_slope_is_wrong_there() -> None:
    """Why there is a subclass: drop it when this fails."""
    from numpyro.distributions import BernoulliLogits

    slope = jax.grad(lambda logits: BernoulliLogits(logits).log_prob(1.0))(0.0)
    assert abs(float(slope) - 0.5) > 0.4


@pytest.mark.parametrize("logits", FAR)
def test_bernoulli_is_of_degree_one_in_its_value(logits: float) -> None:
    """So the slope in the value is the log-odds, which Gibbs updates rely on."""
    np.testing.assert_allclose(jax.grad(bernoulli, 1)(logits, 0.0), logits, 1e-6, 1e-6)


def test_curvature_of_bernoulli_at_zero() -> None:
    np.testing.assert_allclose(jax.hessian(bernoulli)(0.0, 1.0), -0.25)


def test_bernoulli_keeps_small_log_probabilities() -> None:
    np.testing.assert_allclose(bernoulli(30.0, 1.0), -np.exp(-30.0), rtol=1e-5)


@pytest.mark.parametrize("name", ["Normal", "Logistic", "StudentT", "Cauchy", "Laplace"])
def test_slopes_at_the_mode_and_far_out_are_finite(name: str) -> None:
    arguments, _, _ = UNIVARIATE[name]
    of = law(name, arguments)
    slopes = [float(jax.grad(of.log_prob)(x)) for x in (0.7, 1e4, -1e4)]
    assert np.isfinite(slopes).all()
    if name != "Laplace":  # whose density has a kink there
        assert abs(slopes[0]) < 1e-6

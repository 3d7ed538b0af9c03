"""Posteriors by chains against closed forms and quadrature, and what is asked of them."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import beta, norm

import dgmlang as dgm
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.log_prob import elbo
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.chains import Chains
from dgmlang.posterior.draws import as_stored
from dgmlang.posterior.draws import log_prob as averaged
from tests.objectives.models import ERRORS, EXAMPLES
from tests.posterior.test_numpyro import SCHOOLS

SHORT = "(draws = 600, warmup = 300, chains = 2)"
NORMAL = """model Location {
  param m : real ~ Normal(0, 2)
  data x : real ~ Normal(m, 1)
}"""
COIN = """model Coin {
  param p : unit ~ Beta(2, 3)
  data x : bit ~ Bernoulli(p)
}"""
WEIGHTS = """model Weights {
  net f(u: real[1]) -> real ~ Normal(0, 1) = u
  given u : real[1]
  data  y : real ~ Normal(f(u), 0.5)
}"""
HIDDEN = """model Hidden {
  param m : real ~ Normal(0, 2)
  latent z : real ~ Normal(m, 1)
  data   x : bit ~ Bernoulli(logits = 2 * z)
}"""
X = np.array([1.2, 0.4, 2.9, 1.7, -0.6])
BITS = np.array([1, 1, 1, 1, 0, 1, 1, 0, 1, 1])


@cache
def fitted(text: str, objective: str = f"nuts{SHORT}") -> dgm.Fitted:
    u = np.linspace(-1, 2, 6)[:, None]
    data: dict[str, Any] = {
        NORMAL: X,
        COIN: BITS,
        WEIGHTS: {"u": u, "y": 0.8 * u[:, 0] - 0.3},
        HIDDEN: BITS,
    }
    return dgm.parse(text).fit(data[text], objective=objective)


def agrees(chains: Chains, name: str, mean: float, deviation: float) -> bool:
    """Whether mean and deviation are within five standard errors, by the effective draws."""
    row = next(row for row in chains.rows() if row.name == name)
    error = deviation / np.sqrt(row.effective)
    # Of a deviation s of k draws the error is s √((κ − 1) / 4k), κ ≤ 9 for what is tested here.
    spread = deviation * np.sqrt(2 / row.effective)
    near = abs(row.mean - mean) < ERRORS * error
    return bool(near and abs(row.deviation - deviation) < ERRORS * spread)


@pytest.mark.parametrize("objective", [f"nuts{SHORT}", f"hmc{SHORT[:-1]}, trajectory = 2)"])
def test_normal_normal(objective: str) -> None:
    chains = fitted(NORMAL, objective).chains
    assert chains is not None
    precision = 1 / 4 + len(X)
    assert agrees(chains, "m", X.sum() / precision, precision**-0.5)
    # The twins: the prior left out, and one example counted twice.
    assert not agrees(chains, "m", X.mean() * 1.2, len(X) ** -0.5)
    assert not agrees(chains, "m", (X.sum() + 2.9) / (precision + 1), (precision + 1) ** -0.5)


def test_beta_bernoulli() -> None:
    chains = fitted(COIN).chains
    assert chains is not None
    truth = beta(2 + BITS.sum(), 3 + len(BITS) - BITS.sum())
    assert agrees(chains, "p", float(truth.mean()), float(truth.std()))
    # The twin: without its prior it would be this law.
    other = beta(1 + BITS.sum(), 1 + len(BITS) - BITS.sum())
    assert not agrees(chains, "p", float(other.mean()), float(other.std()))


def test_weights_of_a_net() -> None:
    """One dense map with Gaussian weights is linear regression."""
    chains = fitted(WEIGHTS).chains
    assert chains is not None
    u = np.linspace(-1, 2, 6)
    design = np.stack([u, np.ones(6)], axis=1)
    covariance = np.linalg.inv(np.eye(2) + design.T @ design / 0.25)
    mean = covariance @ design.T @ (0.8 * u - 0.3) / 0.25
    assert agrees(chains, "f.head.kernel[0, 0]", mean[0], covariance[0, 0] ** 0.5)
    assert agrees(chains, "f.head.bias[0]", mean[1], covariance[1, 1] ** 0.5)
    assert not agrees(chains, "f.head.kernel[0, 0]", 0.8, covariance[0, 0] ** 0.5)


def test_latents_move_along() -> None:
    """E and sd of m, with each z integrated by quadrature."""
    chains = fitted(HIDDEN).chains
    assert chains is not None
    m = np.linspace(-6, 8, 2001)
    z = norm.ppf((np.arange(400) + 0.5) / 400)
    one = (1 / (1 + np.exp(-2 * (m[:, None] + z)))).mean(axis=1)
    log_p = norm.logpdf(m, 0, 2) + BITS.sum() * np.log(one) + (1 - BITS).sum() * np.log1p(-one)
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    mean = float(weights @ m)
    deviation = float(np.sqrt(weights @ (m - mean) ** 2))
    assert agrees(chains, "m", mean, deviation)
    assert not agrees(chains, "m", mean, deviation * 1.4)
    assert chains.latents["z"].shape == (2, 600, len(BITS))
    assert chains.latents["z"].mean(axis=(0, 1))[BITS == 1].min() > mean


def test_draws_of_the_parameters_take_particles_of_their_own() -> None:
    """At equal draws a bound's values differ by their particles alone, so their error is seen."""
    fit = fitted(HIDDEN)
    chains = fit.chains
    assert chains is not None
    same = jax.tree.map(lambda a: np.repeat(a[:, :1], 8, axis=1)[:1], chains.params)
    bound = partial(elbo, samples=1)
    lowered, batch = fit.model.lowered, {"x": jnp.asarray(BITS)}
    draws = as_stored(lowered, Chains(same), fit.using("mean").raw)
    found = averaged(lowered, draws, batch, bound, jax.random.key(0))
    assert found.kind == "bound"
    assert np.all(np.asarray(found.stderr) > 0)

    # The twin: with one key for all, the error of what is the same eight times is none.
    def one(lowered: Lowered, params: Params, batch: Values, _: jax.Array) -> dgm.Result:
        return bound(lowered, params, batch, jax.random.key(1))

    assert np.all(averaged(lowered, draws, batch, one, jax.random.key(0)).stderr == 0)


@cache
def schools() -> dgm.Fitted:
    model = dgm.load(EXAMPLES / "hierarchical.dgm")
    return model.fit(SCHOOLS, objective="nuts(draws = 1000, warmup = 500, chains = 2)")


def by_quadrature() -> dict[str, tuple[float, float]]:
    """Mean and deviation of μ, τ and each θ: all but τ is Gaussian given τ.

    Given τ, y_j ~ N(μ, s_j² + τ²) and μ ~ N(0, 5²); τ is on a grid of its half Cauchy's quantiles.
    """
    y, s = SCHOOLS["y"], SCHOOLS["σ"]
    τ = 5 * np.tan(np.pi / 2 * (np.arange(20_000) + 0.5) / 20_000)[:, None]
    precision = 1 / (s**2 + τ**2)
    total = 1 / 25 + precision.sum(1)
    μ = (precision * y).sum(1) / total
    log_p = 0.5 * (np.log(precision).sum(1) - (precision * y**2).sum(1))
    log_p += 0.5 * (μ**2 * total - np.log(total))
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()

    def moments(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
        first = float(weights @ mean)
        return first, float(np.sqrt(weights @ (variance + mean**2) - first**2))

    found = {"μ": moments(μ, 1 / total), "τ": moments(τ[:, 0], np.zeros(len(τ)))}
    shrink = τ**2 / (s**2 + τ**2)
    for j in range(8):
        mean = shrink[:, j] * y[j] + (1 - shrink[:, j]) * μ
        variance = shrink[:, j] * s[j] ** 2 + (1 - shrink[:, j]) ** 2 / total
        found[f"θ[{j}]"] = moments(mean, variance)
    return found


def test_eight_schools() -> None:
    chains, truth = schools().chains, by_quadrature()
    assert chains is not None
    assert chains.worst().r_hat < 1.02
    for name, (mean, deviation) in truth.items():
        assert agrees(chains, name, mean, deviation), name
    # Complete pooling and none, as a broken hierarchy would say.
    assert not agrees(chains, "θ[0]", truth["μ"][0], truth["θ[0]"][1])
    assert not agrees(chains, "θ[0]", 28.0, 15.0)


def test_eight_schools_as_published() -> None:
    """The reference posterior of posteriordb, `eight_schools_noncentered`, to its one decimal.

    Source: Magnusson et al. 2022, posteriordb; the model: Gelman et al. 2013, section 5.5.
    """
    published = {"μ": 4.4, "τ": 3.6, "θ[0]": 6.2, "θ[2]": 3.9, "θ[4]": 3.6, "θ[6]": 6.3}
    truth = by_quadrature()
    for name, mean in published.items():
        assert truth[name][0] == pytest.approx(mean, abs=0.1), name


def test_a_prediction_averages_over_the_parameters() -> None:
    found = fitted(NORMAL).log_prob(np.array([0.0, 3.0]))
    precision = 1 / 4 + len(X)
    truth = norm.logpdf([0.0, 3.0], X.sum() / precision, np.sqrt(1 + 1 / precision))
    assert found.kind == "estimate"
    assert found.stderr is not None
    assert np.all(np.abs(found.value - truth) < ERRORS * found.stderr)
    # The twin: at the posterior mean the deviation is 1, and the tail too thin.
    plugged = fitted(NORMAL).using("mean").log_prob(np.array([0.0, 3.0]))
    assert not np.all(np.abs(plugged.value - truth) < ERRORS * found.stderr)


def test_draws_are_each_of_parameters_of_their_own() -> None:
    drawn = np.asarray(fitted(NORMAL).sample(1200, seed=3))
    precision = 1 / 4 + len(X)
    variance = 1 + 1 / precision
    # Draws take each of the 1200 parameters once, so their own spread is the chains'.
    assert abs(drawn.var() - variance) < ERRORS * variance * np.sqrt(2 / 600)
    assert abs(drawn.mean() - X.sum() / precision) < ERRORS * np.sqrt(variance / 600)
    assert "each at a draw of the parameters" in fitted(NORMAL).sample(2).method


def test_an_expression_has_a_value_at_every_draw() -> None:
    fit = schools()
    difference = fit.value("θ[0] - θ[1]")
    assert difference.kind == "draws"
    θ = fit.params["θ"]
    assert np.allclose(difference.value, θ[:, 0] - θ[:, 1], atol=1e-5)
    at_two = fitted(WEIGHTS).nets.f(np.array([[2.0], [0.0]]))
    assert at_two.shape == (1200, 2)


def test_the_table_names_every_number() -> None:
    chains = schools().chains
    table = str(chains)
    assert table.splitlines()[0].split() == ["mean", "sd", "5", "%", "95", "%", "R̂", "ESS"]
    assert [line.split()[0] for line in table.splitlines()[1:-1]][:3] == ["μ", "τ", "θ[0]"]
    assert table.endswith("2 chains of 1000 draws, 0 divergent transitions")


def test_chains_that_stay_apart_have_a_large_r_hat() -> None:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(4, 200))
    assert Chains({"a": mixed}).worst().r_hat < 1.05
    assert Chains({"a": mixed + np.arange(4)[:, None]}).worst().r_hat > 1.5
    assert np.isnan(Chains({"a": np.ones((2, 50))}).rows()[0].r_hat)

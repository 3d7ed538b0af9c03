"""What ArviZ reads: draws of latents against closed-form posteriors, and the shapes of groups."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm

GOLDEN = Path(__file__).parents[1] / "golden" / "queries"
EXAMPLES = Path(__file__).parents[2] / "examples"
ERRORS = 5
"""Standard errors that a right number may be away from the truth."""
DRAWS = 4000
CLUSTERED = """model Clustered {
  param loc : real[2]
  latent k : cat(2) ~ Categorical(uniform(2))
  latent z : real[2] ~ Normal(0, 1)
  data x : real[2] ~ Normal(loc[k] + z, 0.5)
}
"""
CONDITIONAL = """model Conditional {
  given c : real
  param w : real
  data x : real ~ Normal(w * c, 1)
}
"""
CODED = """model Coded {
  latent z : real[2] ~ Normal(0, 1)
  data x : positive[2] = z |> exp
}
"""
GUIDED = """model Guided {
  net f(z: real[2]) -> (logits: real[3]) = z |> mlp([4])
  net g(x: bit[3]) -> (loc: real[2], scale: positive[2]) = x
  latent z : real[2] ~ Normal(0, 1)
  data x : bit[3] ~ Bernoulli(f(z)...)
  guide { z ~ Normal(g(x)...) }
}
"""
CHAIN = """model Chain {
  param step : simplex(2)[2]
  param loc : real[2]
  for t in 0..4 {
    latent s[t] : cat(2) ~ Categorical(uniform(2) if t == 0 else step[s[t-1]])
    data x[t] : real ~ Normal(loc[s[t]], 1)
  }
}
"""
X = np.array([[0.2, 0.1], [1.5, -0.3], [1.0, 1.2]])


def clustered() -> dgm.Fitted:
    return dgm.parse(CLUSTERED).with_params({"loc": [0.0, 1.0]})


def posterior_mean(variance: float) -> tuple[np.ndarray, np.ndarray]:
    """P(k = 1 | x) [3] and E[z | x] [3, 2] where z has this variance and x | z one of 0.25."""
    log_p = np.stack([norm.logpdf(X - m, 0, np.sqrt(variance + 0.25)).sum(1) for m in (0.0, 1.0)])
    chance = 1 / (1 + np.exp(log_p[0] - log_p[1]))
    return chance, variance / (variance + 0.25) * (X - chance[:, None])


def away(draws: np.ndarray, truth: np.ndarray) -> float:
    """How far the means of draws [draw, …] are from the truth at most, in standard errors."""
    return float(np.max(np.abs(draws.mean(0) - truth) / (draws.std(0) / np.sqrt(len(draws)))))


def test_the_posterior_is_that_of_the_model():
    posterior = clustered().to_arviz(X, draws=DRAWS, seed=3).posterior
    chance, mean = posterior_mean(1.0)
    k, z = posterior["k"].values[0], posterior["z"].values[0]
    assert away(k.astype(float), chance) < ERRORS
    assert away(z, mean) < ERRORS
    # Jointly: given k, z is Gaussian with variance 1 / (1 + 4).
    rest = z - 0.8 * (X - k[..., None])
    assert away(rest**2, np.full((3, 2), 0.2)) < ERRORS
    assert away(rest[..., 0] * k, np.zeros(3)) < ERRORS
    # The twin: the posterior of another prior.
    assert away(z, posterior_mean(0.8)[1]) > ERRORS


def test_the_groups_are_those_that_arviz_knows():
    import arviz

    found = clustered().to_arviz(X, draws=200)
    assert found.groups() == [
        "posterior",
        "posterior_predictive",
        "log_likelihood",
        "observed_data",
    ]
    assert found.posterior["z"].dims == ("chain", "draw", "example", "z_dim_0")
    assert found.posterior_predictive["x"].shape == (1, 200, 3, 2)
    np.testing.assert_allclose(found.observed_data["x"], X, rtol=1e-6)
    by_hand = np.logaddexp(*(norm.logpdf(X - m, 0, np.sqrt(1.25)).sum(1) for m in (0.0, 1.0)))
    likelihood = found.log_likelihood["x"].values
    np.testing.assert_allclose(likelihood[0, 7], by_hand - np.log(2), rtol=1e-5)
    assert found.posterior.attrs["kind"] == "draws"
    assert found.posterior.attrs["method"] == "exact draws"
    assert found.log_likelihood.attrs["kind"] == "exact"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own: one chain has no R-hat, no spread no k.
        table = arviz.summary(found, var_names=["z"])
        assert arviz.loo(found).n_data_points == 3
    assert list(table.index[:2]) == ["z[0, 0]", "z[0, 1]"]


def test_data_are_drawn_again_from_the_posterior_of_their_latents():
    found = clustered().to_arviz(X, draws=DRAWS)
    k, z = (found.posterior[name].values[0] for name in ("k", "z"))
    again = found.posterior_predictive["x"].values[0] - z - k[..., None]
    assert away(again, np.zeros((3, 2))) < ERRORS
    assert away(again**2, np.full((3, 2), 0.25)) < ERRORS
    assert away(again**2, np.full((3, 2), 0.2)) > ERRORS


def test_codes_follow_from_the_data_and_examples_are_drawn_afresh():
    found = dgm.parse(CODED).with_params({}).to_arviz(np.exp(X), draws=DRAWS)
    np.testing.assert_allclose(found.posterior["z"][0, 5], X, rtol=1e-5)
    again = np.log(found.posterior_predictive["x"].values[0])
    assert away(again, np.zeros((3, 2))) < ERRORS
    assert away(again**2, np.ones((3, 2))) < ERRORS
    assert away(again, X) > ERRORS


def test_hidden_units_are_drawn_given_the_visible():
    w, v = np.array([[0.5, -1.0], [1.0, 2.0], [-0.3, 0.4]]), np.eye(3)
    rbm = dgm.load(EXAMPLES / "rbm.dgm", visible=3, hidden=2)
    fitted = rbm.with_params({"W": w, "b": np.zeros(3), "c": [0.2, -0.2]})
    found = fitted.to_arviz(v, draws=1000)
    chance = 1 / (1 + np.exp(-(v @ w + [0.2, -0.2])))
    assert away(found.posterior["h"].values[0].astype(float), chance) < ERRORS
    assert away(found.posterior["h"].values[0].astype(float), np.roll(chance, 1, 0)) > ERRORS
    assert "Markov chain" in found.posterior_predictive.attrs["method"]


def test_a_guide_is_not_called_exact():
    found = dgm.parse(GUIDED).with_params({}).to_arviz(np.eye(3), draws=20)
    assert found.posterior["z"].shape == (1, 20, 3, 2)
    assert "guide" in found.posterior.attrs["method"]
    assert "log_likelihood" not in found.groups()


def test_givens_are_constant_data_and_prepared_data_go_back():
    program = CONDITIONAL.replace("}\n", "  recipe default { prepare x = 10 * x }\n}\n")
    data = {"c": [1.0, 2.0], "x": [3.0, 4.0]}
    found = dgm.parse(program).fit(data, steps=1, batch=2).to_arviz(data, draws=50)
    assert "posterior" not in found.groups()
    np.testing.assert_allclose(found.constant_data["c"], data["c"])
    np.testing.assert_allclose(found.observed_data["x"], data["x"], rtol=1e-6)
    assert found.posterior_predictive["x"].values.std() < 1


def test_without_data_there_is_the_prior():
    found = clustered().to_arviz(draws=DRAWS)
    assert found.groups() == ["prior", "prior_predictive"]
    assert away(found.prior["z"].values[0] ** 2, np.ones(2)) < ERRORS
    assert found.prior_predictive["x"].dims == ("chain", "draw", "x_dim_0")


CASES: dict[str, Callable[[], object]] = {
    "arviz_without_givens": lambda: dgm.parse(CONDITIONAL).with_params({"w": 1.0}).to_arviz(),
    "arviz_name_of_an_axis": lambda: (
        dgm.parse("model M { data draw : real ~ Normal(0, 1) }").with_params({}).to_arviz()
    ),
    "arviz_no_posterior": lambda: (
        dgm.load(EXAMPLES / "gan.dgm", d=2).with_params({}).to_arviz(np.zeros((2, 2)))
    ),
    "arviz_of_a_chain": lambda: dgm.parse(CHAIN).with_params({}).to_arviz(np.zeros((2, 4))),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        CASES[name]()
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_without_arviz(monkeypatch, golden: Callable[[Path, str], None]) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(dgm.DgmError, match="DGM0818") as caught:
        clustered().to_arviz(X)
    golden(GOLDEN / "arviz_missing.txt", f"{caught.value}\n")

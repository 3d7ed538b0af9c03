"""Counts up to a number are a finite kind; laws of them, and laws with one end, in programs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats as scipy_stats

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError

stats: Any = scipy_stats  # whose types know no frozen laws

COUNTED = """model M(n: int) {
  param p : unit
  data x : count(n) ~ Binomial(n, p)
}"""
OF_COUNTS = """model M(n: int = 5) {
  latent k : count(n) ~ Binomial(n, 0.3)
  data x : real ~ Normal(k, 0.5)
}"""
TRIALS = """model M {
  given trials : count
  param w : real
  data x : count ~ Binomial(trials, logits = w)
}"""


def test_the_most_is_the_largest_of_the_data() -> None:
    fitted = dgm.parse(COUNTED).fit(np.array([0, 3, 7, 2]), steps=1)
    assert fitted.model.hypers["n"] == 7
    assert fitted.sample(50, seed=0).max() <= 7


@pytest.mark.parametrize("wrong", [-1, 6, 2.5])
def test_what_is_no_count_up_to_n_is_refused(wrong: float) -> None:
    model = dgm.parse(COUNTED, n=5)
    with pytest.raises(DgmError, match="a whole number from 0 to 5"):
        model.fit(np.array([0, wrong]), steps=1)


@pytest.mark.usefixtures("x64")
def test_a_latent_count_is_summed_out() -> None:
    model = dgm.parse(OF_COUNTS)
    density = stats.binom(5, 0.3).pmf(np.arange(6)) * stats.norm(np.arange(6), 0.5).pdf(1.7)
    found = model.log_prob(model.init(), {"x": jnp.asarray(1.7)})
    np.testing.assert_allclose(found, np.log(density.sum()), rtol=1e-10)
    assert model.plan.facts.removed[0].rule == "sum"


@pytest.mark.usefixtures("x64")
def test_each_example_brings_its_own_number_of_trials() -> None:
    model = dgm.parse(TRIALS)
    assert str(model.plan.program.variables["x"].type) == "count"
    params = {"w": jnp.asarray(0.4)}
    for trials, x in ((3, 2), (12, 0)):
        found = model.log_prob(params, {"trials": jnp.asarray(trials), "x": jnp.asarray(x)})
        expected = stats.binom(trials, 1 / (1 + np.exp(-0.4))).logpmf(x)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_guide_is_built_for_a_count_that_is_too_many_to_sum() -> None:
    text = """model M {
  latent k : count(3)[30] ~ Binomial(3, 0.3)
  net f(k: real[30]) -> real[4] = k |> mlp([8])
  data x : real[4] ~ Normal(f(k), 0.5)
}"""
    model = dgm.parse(text)
    assert "Categorical" in str(model.explain())
    x = np.random.default_rng(0).normal(size=(64, 4))
    assert model.fit(x, steps=2).sample(3, seed=0).shape == (3, 4)


@pytest.mark.parametrize(
    ("kind", "law", "ends"),
    [
        ("interval(2, inf)", "TruncatedNormal(0.5, 1.5, low = 2)", (1.0, np.inf)),
        ("interval(-inf, 1)", "TruncatedNormal(0.5, 1.5, high = 1)", (-np.inf, 1 / 3)),
    ],
)
def test_chains_keep_a_param_within_one_end(kind: str, law: str, ends: Any) -> None:
    text = f"model M {{\n  param w : {kind} ~ {law}\n  data x : real ~ Normal(w, 500)\n}}"
    method = "nuts(draws = 1000, warmup = 200, chains = 1)"
    fitted = dgm.parse(text).fit(np.zeros(1), objective=method, seed=1)
    assert fitted.chains is not None
    draws = np.asarray(fitted.chains.params["w"])
    truth = stats.truncnorm(*ends, 0.5, 1.5)
    # A quarter of the draws is what such a chain is worth at least.
    error = 5 * truth.std() / np.sqrt(draws.size / 4)
    assert abs(draws.mean() - truth.mean()) < error
    low, high = truth.support()
    assert low <= draws.min() <= draws.max() <= high
    # A chain of the law without its end is seen.
    assert abs(0.5 - truth.mean()) > error

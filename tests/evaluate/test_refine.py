"""Posteriors of single examples, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, nbinom, norm

import dgmlang as dgm
from tests.lower.statistics import ERRORS

LINEAR = """model Linear {
  param w : real
  param a : real
  latent z : real ~ Normal(0, 1)
  data x : real ~ Normal(w * z, 1)
  guide { z ~ Normal(a * x, 1) }
}"""

COUNTS = """model Counts {
  latent r : positive ~ Gamma(3, 1)
  data x : count ~ Poisson(r)
  guide { r ~ LogNormal(0, 1) }
}"""


def error(found: dgm.Result) -> np.ndarray:
    assert found.stderr is not None
    return found.stderr


def test_a_gaussian_posterior_is_found() -> None:
    """It is in the family, so the refined bound is log p(x) itself."""
    fit = dgm.parse(LINEAR).with_params({"w": 2.0, "a": 0.0})
    x = np.array([1.3, -4.0, 0.2])
    truth = norm.logpdf(x, 0, np.sqrt(5))
    found = fit.log_prob(x, method="elbo(samples = 256, refine = 400)")
    assert found.kind == "bound"
    assert "refined in 400 steps" in found.method
    assert np.all(np.abs(found - truth) < ERRORS * error(found) + 1e-3)
    # The twin: the guide alone is far below.
    alone = fit.log_prob(x, method="elbo(samples = 256)")
    assert np.all(alone + ERRORS * error(alone) < truth)


def test_draws_of_a_refined_posterior() -> None:
    fit = dgm.parse(LINEAR).with_params({"w": 2.0, "a": 0.0})
    found = fit.posterior(np.full(400, 3.0), refine=300)["z"]
    assert found.kind == "draws"
    assert kstest(found, norm(6 / 5, np.sqrt(1 / 5)).cdf).pvalue > 1e-4
    alone = fit.posterior(np.full(400, 3.0))["z"]
    assert kstest(alone, norm(6 / 5, np.sqrt(1 / 5)).cdf).pvalue < 1e-4


def test_a_posterior_that_is_not_gaussian_is_bounded() -> None:
    """log p(x) is the negative binomial's; a log-normal comes near Gamma(3 + x, 2), from below."""
    fit = dgm.parse(COUNTS).with_params({})
    x = np.array([0, 2, 9])
    truth = nbinom.logpmf(x, 3, 0.5)
    found = fit.log_prob(x, method="elbo(samples = 512, refine = 400)")
    alone = fit.log_prob(x, method="elbo(samples = 512)")
    assert np.all(found - ERRORS * error(found) < truth)
    assert np.all(truth - found < 0.05 + ERRORS * error(found))
    assert np.all(truth - alone > 0.1)


def test_what_has_no_gaussian_is_refused() -> None:
    text = """model Bits {
      net f(b: bit[2]) -> (logits: real[3]) = b |> mlp([4])
      latent b : bit[2] ~ Bernoulli(0.5)
      data x : bit[3] ~ Bernoulli(f(b)...)
      guide { b ~ Bernoulli(0.5) }
    }"""
    fit = dgm.parse(text).with_params({})
    with pytest.raises(dgm.DgmError) as refused:
        fit.log_prob([[0, 1, 1]], method="elbo(refine = 3)")
    assert [d.code for d in refused.value.diagnostics] == ["DGM0898"]

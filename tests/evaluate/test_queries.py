from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.stats import norm

from dgmlang.evaluate import flow_likelihood
from dgmlang.evaluate.flow_likelihood import Options, flow_log_prob
from dgmlang.evaluate.log_prob import elbo, exact, iwae
from dgmlang.evaluate.result import Result, bits_per_dim
from dgmlang.processes.vp import VariancePreserving
from tests.objectives.models import (
    DIFFUSION,
    ERRORS,
    LINEAR,
    OPAQUE,
    RBM,
    arrays,
    bits,
    model,
    rbm_params,
)

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
AT = {"loc": 2.0, "variance": np.log(np.expm1(0.25 - 1e-6))}
TIGHT = Options(rtol=1e-8, atol=1e-8)


@dataclass(frozen=True)
class ExactEnd(VariancePreserving):
    """The process with the data's own marginal at time 1."""

    def prior(self, shape: tuple[int, ...]) -> Any:
        signal, noise = self.signal(1.0), self.noise(1.0)
        spread = jnp.sqrt(signal**2 * 0.25 + noise**2)
        return dist.Normal(jnp.full(shape, 2.0 * signal), spread).to_event(len(shape))


def with_exact_end(lowered):
    return replace(lowered, built=replace(lowered.built, process=ExactEnd(0.1, 20)))


def test_flow_likelihood_of_a_gaussian():
    found = flow_log_prob(model(DIFFUSION), arrays(**AT), arrays(x=[[2.3]]), KEY, TIGHT)
    assert float(found.value[0]) == pytest.approx(-0.4137738651, abs=1e-5)
    ended = flow_log_prob(with_exact_end(model(DIFFUSION)), arrays(**AT), arrays(x=[[2.3]]), KEY)
    assert float(ended.value[0]) == pytest.approx(-0.4057913526, abs=1e-4)
    assert found.stderr is None
    assert "exact divergence" in found.method


def test_flow_likelihood_of_the_standard_normal():
    params = arrays(loc=0.0, variance=np.log(np.expm1(1 - 1e-6)))
    x = np.random.default_rng(0).normal(size=(5, 3))
    found = flow_log_prob(model(DIFFUSION, d=3), params, arrays(x=x), KEY)
    assert np.allclose(found, norm.logpdf(x).sum(1), atol=1e-5)


def test_hutchinson_agrees_with_the_exact_divergence(monkeypatch):
    field = model("""model Field(d: int = 4) {
      param M : real[d, d]
      data x : real[d]
      score x at t under vp(beta_min = 0.1, beta_max = 2) = -(x @ M)
    }""")
    rng = np.random.default_rng(0)
    params = arrays(M=np.eye(4) + 0.4 * rng.normal(size=(4, 4)))
    data = arrays(x=rng.normal(size=(30, 4)))
    exactly = flow_log_prob(field, params, data, KEY)
    monkeypatch.setattr(flow_likelihood, "EXACT_UP_TO", 3)
    options = replace(TIGHT, probes=64)
    estimated = flow_log_prob(field, params, data, KEY, options)
    assert estimated.stderr is not None
    assert np.all(estimated.stderr > 0)
    assert np.all(np.abs(estimated.value - exactly.value) < ERRORS * estimated.stderr)
    # The twin: the divergence of another field.
    other = arrays(M=np.asarray(params["M"]) + 0.5 * np.eye(4))
    wrong = flow_log_prob(field, other, data, KEY, options)
    assert not np.all(np.abs(wrong.value - exactly.value) < ERRORS * estimated.stderr)


def test_bounds_say_what_they_are():
    lowered, x = model(LINEAR), np.array([1.3, -0.4])
    params = arrays(w=0.8, a=0.1, r=-0.3)
    truth = norm.logpdf(x, 0, np.sqrt(1.64))
    one = elbo(lowered, params, arrays(x=x), KEY, samples=50_000)
    many = iwae(lowered, params, arrays(x=x), KEY, k=2000)
    assert one.kind == many.kind == "bound"
    assert one.stderr is not None
    assert many.stderr is not None
    assert np.all(one.value + ERRORS * one.stderr < truth)
    assert np.all(np.abs(many.value - truth) < ERRORS * many.stderr)
    assert np.all(many.stderr < 0.05)


def test_bounds_are_tight_at_the_posterior():
    w, x = 0.8, np.array([1.3, -0.4])
    params = arrays(w=w, a=w / (1 + w**2), r=-0.5 * np.log(1 + w**2))
    found = iwae(model(LINEAR), params, arrays(x=x), KEY, k=33)
    assert np.allclose(found, norm.logpdf(x, 0, np.sqrt(1 + w**2)))
    assert found.stderr is not None
    assert np.allclose(found.stderr, 0.0, atol=1e-6)


def test_exact_numbers_know_their_normaliser():
    rbm = model(RBM)
    found = exact(rbm, rbm_params(), arrays(v=bits(4)))
    assert found.kind == "exact"
    assert np.logaddexp.reduce(np.asarray(found)) == pytest.approx(0.0, abs=1e-10)
    bare = exact(model(OPAQUE), arrays(a=0.0), arrays(x=np.zeros(600)))
    assert bare.method == "exact up to the normaliser"
    assert len(bare) == 600


def test_bits_per_dim():
    result = Result(np.array([-10.0 * np.log(2)]), "bound", np.array([np.log(2)]), "elbo")
    found = bits_per_dim(result, 10)
    assert np.allclose(found, 1.0)
    assert found.stderr is not None
    assert np.allclose(found.stderr, 0.1)
    assert float(found.mean()) == pytest.approx(1.0)
    assert found.kind == "bound"

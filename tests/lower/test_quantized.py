"""Quantised laws: exact bins by a cdf, and the dequantised bound of a flow."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.lower.quantized import Bin, Within

EXACT = "model M { param m : real\n data x : grey(5)[2] ~ quantize(Normal(m, 0.3)) }"
FLOW = "model M { param m : real\n data x : grey(4) ~ quantize(Normal(m, 1) |> sigmoid) }"


def test_bins_by_a_cdf_are_exact_and_sum_to_one() -> None:
    model = dgm.parse(EXACT)
    assert model.plan.facts.density.value == "exact"
    fitted = model.with_params({"m": np.float32(0.4)})
    every = np.stack(np.meshgrid(range(5), range(5)), -1).reshape(-1, 2)
    ends = np.array([-np.inf, 0.2, 0.4, 0.6, 0.8, np.inf])
    bins = np.diff(norm.cdf((ends - 0.4) / 0.3))
    found = np.exp(fitted.log_prob(every).value)
    np.testing.assert_allclose(found, bins[every[:, 0]] * bins[every[:, 1]], rtol=1e-4)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)
    drawn = fitted.sample(2000, seed=1)
    counts = np.bincount(drawn.ravel(), minlength=5) / drawn.size
    assert (np.abs(counts - bins) < 5 * np.sqrt(bins / drawn.size)).all()


def test_a_flow_is_bounded_by_its_dequantised_likelihood() -> None:
    model = dgm.parse(FLOW)
    plan = model.plan
    assert [b.variable for b in plan.facts.bounded] == ["x.u"]
    assert plan.program.guide is not None
    assert plan.program.guide.built == ("x.u",)
    assert (plan.default_objective, plan.objectives["mle"].legal) == ("elbo", False)
    fitted = model.with_params({"m": np.float32(0.7)})
    k = np.arange(4)
    odds = np.concatenate([[-np.inf], np.log([1 / 3, 1, 3]), [np.inf]])
    exact = np.log(np.diff(norm.cdf(odds - 0.7)))
    tight = fitted.log_prob(k, method="iwae(k = 4096)").value
    np.testing.assert_allclose(tight, exact, atol=0.05)
    loose = fitted.log_prob(np.repeat(k, 200), method="elbo(samples = 16)").value
    loose = loose.reshape(4, 200)
    error = loose.std(1) / np.sqrt(200)
    bound = dequantised(0.7)
    assert (np.abs(loose.mean(1) - bound) < 5 * error).all()
    assert (np.abs(loose.mean(1) - exact) > 5 * error)[[0, 3]].all()
    drawn = fitted.draws(1000)
    np.testing.assert_array_equal(drawn["x"], np.floor(drawn["x.u"] * 4))
    assert np.isfinite(model.fit(k.repeat(8), steps=3, batch=8).log_prob(k).value).all()


def dequantised(m: float) -> np.ndarray:
    """The mean of log p(u) over each of four bins, less log 4, by a midpoint sum."""
    u = (np.arange(400_000) + 0.5) / 400_000
    log_p = norm.logpdf(np.log(u / (1 - u)) - m) - np.log(u * (1 - u))
    return np.asarray(log_p).reshape(4, -1).mean(1) - np.log(4)


def test_a_draw_of_the_guide_lies_within_its_bin() -> None:
    k = jnp.arange(256)
    for seed in range(20):
        u = Within(k, 256).sample(jax.random.key(seed))
        assert float(Bin(u, 256).log_prob(k)) == 0
    assert float(Bin(jnp.array(0.51), 2).log_prob(0)) == -np.inf

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.diagnostics import effective_sample_size

from dgmlang.registry import implementation
from tests.objectives.models import (
    ERRORS,
    LINEAR,
    QUADRATIC,
    RBM,
    arrays,
    bits,
    example,
    model,
    rbm_params,
    within,
)

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


def mean_matches(trace, truth):
    """Whether a statistic's mean over [chains, sweeps] agrees, by its effective sample size."""
    trace = np.asarray(trace, float)
    error = trace.std() / np.sqrt(effective_sample_size(trace))
    return bool(abs(trace.mean() - truth) <= ERRORS * error)


def square(values):
    return values["x"] ** 2


def energy_of(values):
    s = values["s"]
    return jnp.sum(s * jnp.roll(s, 1, 0) + s * jnp.roll(s, 1, 1))


def magnetisation(values):
    return jnp.abs(jnp.mean(values["s"]))


@pytest.mark.parametrize(
    ("statistic", "truth"), [(energy_of, 22.0658637161), (magnetisation, 0.7647123932)]
)
def test_gibbs_on_a_small_lattice(statistic, truth):
    gibbs = implementation("sampler", "gibbs")(example("ising", side=4), sweeps=200)
    trace = gibbs.run({"J": jnp.asarray(0.4)}, KEY, 50, 1000, {}, statistic)
    assert trace.shape == (50, 1000)
    assert mean_matches(trace, truth)
    # The twin: another coupling.
    assert not mean_matches(
        gibbs.run({"J": jnp.asarray(0.38)}, KEY, 50, 1000, {}, statistic), truth
    )


def test_gibbs_draws_from_the_marginal():
    rbm, params = model(RBM), rbm_params()
    each = implementation("objective", "mle")(rbm).validate
    law = np.exp(-np.asarray(each(params, arrays(v=bits(4)), KEY)))
    codes = 2 ** np.arange(4)

    def seen(sweeps):
        sampler = implementation("sampler", "gibbs")(rbm, sweeps=sweeps)
        drawn, _ = sampler.draw(params, KEY, 20_000, {})
        assert drawn["v"].shape == (20_000, 4)
        return (np.asarray(drawn["v"]) @ codes)[:, None] == (bits(4) @ codes)[None, :]

    assert within(seen(50), law)
    assert not within(seen(0), law)


def test_gibbs_holds_what_is_given():
    rbm, params = model(RBM), rbm_params()
    v = np.tile([1.0, 0.0, 1.0, 1.0], (5000, 1))
    sampler = implementation("sampler", "gibbs")(rbm, sweeps=3)
    drawn, _ = sampler.draw(params, KEY, 5000, arrays(v=v))
    assert np.array_equal(drawn["v"], v)
    odds = v[0] @ np.asarray(params["W"]) + np.asarray(params["c"])
    assert within(drawn["h"], 1 / (1 + np.exp(-odds)))
    assert not within(drawn["h"], 0.5)


def test_langevin_has_the_variance_of_its_step():
    """1/(1 − ε/4) on N(0, 1), which is what its bias is."""
    sampler = implementation("sampler", "langevin")(model(QUADRATIC), steps=200, step=0.8)
    drawn, _ = sampler.draw(arrays(a=0.0), KEY, 40_000, {})
    assert within(np.asarray(drawn["x"]) ** 2, 1 / (1 - 0.2))
    assert not within(np.asarray(drawn["x"]) ** 2, 1.0)
    assert "0.8" in sampler.note


def test_langevin_needs_a_score_alone():
    bare = model("model M { param a : real\n data x : real[2]\n score x = -exp(a) * x }")
    sampler = implementation("sampler", "langevin")(bare, steps=500, step=0.02)
    trace = sampler.run(arrays(a=np.log(4.0)), KEY, 200, 200, {}, lambda v: v["x"][0] ** 2)
    assert mean_matches(trace, 0.25 / (1 - 0.02))


def test_mala_is_exact():
    sampler = implementation("sampler", "mala")(model(QUADRATIC), steps=100, warmup=300)
    drawn, info = sampler.draw(arrays(a=-1.0), KEY, 20_000, {})
    assert within(np.asarray(drawn["x"]) ** 2, np.e)
    assert float(info["acceptance"]) == pytest.approx(0.574, abs=0.03)
    # The twin: Langevin at the step that MALA found.
    step = float(info["step"])
    plain = implementation("sampler", "langevin")(model(QUADRATIC), steps=100, step=step)
    assert not within(np.asarray(plain.draw(arrays(a=-1.0), KEY, 20_000, {})[0]["x"]) ** 2, np.e)


def test_mala_on_a_skewed_correlated_target():
    skewed = model("""model Skewed {
      param c : real
      data x : real[2]
      energy x[0] ** 2 / 2 + (x[1] - c * x[0] ** 2) ** 2
    }""")
    sampler = implementation("sampler", "mala")(skewed, steps=500, warmup=500)
    trace = sampler.run(arrays(c=0.7), KEY, 200, 2000, {}, lambda v: v["x"])
    assert mean_matches(trace[..., 1], 0.7)
    assert mean_matches(trace[..., 0] ** 2, 1.0)
    assert mean_matches(trace[..., 1] ** 2, 0.5 + 3 * 0.49)


def test_ancestral_draws():
    sampler = implementation("sampler", "ancestral")(model(LINEAR))
    drawn, _ = sampler.draw(arrays(w=0.8, a=0.0, r=0.0), KEY, 40_000, {})
    assert within(np.asarray(drawn["x"]) ** 2, 1 + 0.64)
    assert within(np.asarray(drawn["x"] * drawn["z"]), 0.8)
    z = arrays(z=np.full(10_000, 2.0))
    below, _ = sampler.draw(arrays(w=0.8, a=0.0, r=0.0), KEY, 10_000, z)
    assert within(np.asarray(below["x"]), 1.6)


PAIR = """model Pair {
  data x : real
  data y : real[2]
  energy x ** 2 / 2 + sum((y - 0.8 * x) ** 2) / (2 * 0.36) + 0.3 * y[0] * y[1]
}"""
"""A correlated Gaussian of three entries; y given x is one of two."""

MACHINE = """model Machine {
  param w : real
  data v : real
  latent h : bit
  energy v ** 2 / 2 - w * v * h
}"""
"""N(w h, 1) given the bit, and another law without it."""


def conditional_of_y(x):
    """Mean and covariance of y given x, completing the square."""
    precision = np.eye(2) / 0.36 + 0.3 * (1 - np.eye(2))
    return np.linalg.solve(precision, np.full(2, 0.8 * x / 0.36)), np.linalg.inv(precision)


@pytest.mark.parametrize(
    ("name", "settings", "bias"),
    [("mala", {"steps": 100, "warmup": 200}, 0.0), ("langevin", {"step": 0.01}, 0.01 / 4)],
)
def test_part_of_the_data_given_leaves_the_conditional_of_the_rest(name, settings, bias):
    sampler, n = implementation("sampler", name)(model(PAIR), **settings), 10_000
    drawn, _ = sampler.draw({}, KEY, n, arrays(x=np.full(n, 1.5)))
    mean, covariance = conditional_of_y(1.5)
    y = np.asarray(drawn["y"])
    assert np.array_equal(drawn["x"], np.full(n, 1.5))
    assert within(y, mean)
    apart = y - mean
    # Langevin at step ε has the covariance P⁻¹ (1 − ε P/4)⁻¹, P being the precision.
    precision = np.linalg.inv(covariance)
    biased = covariance @ np.linalg.inv(np.eye(2) - bias * precision)
    assert within(apart[:, :, None] * apart[:, None, :], biased)
    # The twin: draws of all of the data, of which x is then replaced.
    y = np.asarray(sampler.draw({}, KEY, n, {})[0]["y"])
    assert not within(y, mean)
    assert not within((y - mean)[:, 0] ** 2, biased[0, 0])


@pytest.mark.parametrize(
    ("name", "settings"), [("mala", {"steps": 100}), ("langevin", {"step": 0.02})]
)
def test_a_latent_that_is_given_is_not_summed_out(name, settings):
    sampler, n = implementation("sampler", name)(model(MACHINE), **settings), 10_000
    held = sampler.draw(arrays(w=1.5), KEY, n, arrays(h=np.ones(n)))[0]
    assert within(np.asarray(held["v"]), 1.5)
    # The twin: the law without the bit.
    assert not within(np.asarray(sampler.draw(arrays(w=1.5), KEY, n, {})[0]["v"]), 1.5)

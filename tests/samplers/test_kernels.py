"""Each chain against what it must leave as it is: moments, enumerated laws, detailed balance."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.diagnostics import effective_sample_size

from dgmlang.registry import implementation
from dgmlang.samplers.metropolis import At, sweep
from dgmlang.samplers.temper import swapped
from tests.objectives.models import ERRORS, arrays, model

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)

NORMAL = "model Normal { data x : real\n energy x ** 2 / 2 }"
BANANA = """model Banana {
  param c : real
  data x : real[2]
  data p : positive
  energy x[0] ** 2 / 2 + (x[1] - c * x[0] ** 2) ** 2
  energy 2 * p - 2 * log(p)
}"""
"""x₀ ~ N(0, 1), x₁ ~ N(c x₀², ½): skewed and correlated; p ~ Gamma(3, 2)."""
WIDE = """model Wide {
  data x : real[3]
  energy x[0] ** 2 / 2 + x[1] ** 2 / 200 + 50 * x[2] ** 2
}"""
"""Standard deviations 1, 10 and 0.1."""
MIXED = """model Mixed {
  param a : real[3]
  data y : cat(3)
  data x : real[2]
  data k : count
  energy sum((x - a[y]) ** 2) / 2 + 0.3 * a[y] + k * 1.0 - k * 0.3 * a[y]
}"""
"""p(y) ∝ exp(−0.3 a_y) / (1 − exp(−1 + 0.3 a_y)); given y, x is Gaussian and k geometric."""
MODES = """model Modes {
  data x : real
  energy -log(0.2 * exp(-(x + 5) ** 2 / 2) + 0.8 * exp(-(x - 5) ** 2 / 2))
}"""
PAIRS = """model Pairs {
  data c : cat(3)[2]
  data b : bit
  energy -sum([0.5, -1.0, 0.2] * one_hot(c[0])) - 1.5 * sum(one_hot(c[0]) * one_hot(c[1]))
  energy -sum([0.7, 0.0, -0.4] * one_hot(c[1])) * b
}"""


def error(trace, truth):
    """How many standard errors, by effective sample size, the mean of [chains, draws] is off."""
    trace = np.asarray(trace, float)
    return abs(trace.mean() - truth) * np.sqrt(effective_sample_size(trace)) / trace.std()


@pytest.mark.parametrize("name", ["hmc", "nuts"])
def test_gradient_chains_on_a_skewed_target_of_mixed_kinds(name):
    sampler = implementation("sampler", name)(model(BANANA), warmup=200, steps=0)
    trace, info = sampler.traced(
        arrays(c=0.7), KEY, 20, 400, {}, lambda v: jnp.append(v["x"], v["p"])
    )
    for statistic, truth, wrong in (
        (trace[..., 0] ** 2, 1.0, 1.7),
        (trace[..., 1], 0.7, 0.2),
        (trace[..., 2], 1.5, 1.0),  # Gamma(2, 2) is what is left without the chart's Jacobian
        (trace[..., 2] ** 2, 3.0, 1.5),
    ):
        assert error(statistic, truth) < ERRORS
        assert error(statistic, wrong) > ERRORS
    assert 0.7 < float(info["acceptance"]) < 0.95


def test_hmc_learns_scales_and_mala_does_not():
    def sizes(name, **settings):
        sampler = implementation("sampler", name)(model(WIDE), **settings)
        trace = np.asarray(sampler.run({}, KEY, 20, 300, {}, lambda v: v["x"]))
        return [float(effective_sample_size(trace[..., 1])), trace]

    size, trace = sizes("hmc", warmup=300)
    for i, deviation in enumerate((1.0, 10.0, 0.1)):
        assert error(trace[..., i] ** 2, deviation**2) < ERRORS
    # The twin: a step that suits the narrowest coordinate leaves the widest where it began.
    slow, _ = sizes("mala")
    assert size > 3000 > 300 > slow


@pytest.mark.parametrize("step", [0.5, 1.5])
def test_random_walk_accepts_by_the_arctangent(step):
    """(2/π) arctan(2/l) on N(0, 1)."""
    mh = implementation("sampler", "mh")(model(NORMAL), step=step, warmup=0, steps=100)
    trace, info = mh.traced({}, KEY, 200, 1000, {}, lambda v: v["x"])
    truth = 2 / np.pi * np.arctan(2 / step)
    # 200 chains of 1100 acceptances, which forget each other after some ten steps.
    assert float(info["acceptance"]) == pytest.approx(truth, abs=0.006)
    assert float(info["acceptance"]) != pytest.approx(2 / np.pi * np.arctan(2.1 / step), abs=0.006)
    assert error(trace**2, 1.0) < ERRORS


def test_metropolis_on_a_mixed_space():
    a = np.array([0.0, 1.0, 2.0])
    mh = implementation("sampler", "mh")(model(MIXED), steps=100)
    trace = mh.run(arrays(a=a), KEY, 20, 2000, {}, lambda v: v)
    law = np.exp(-0.3 * a) / (1 - np.exp(-1 + 0.3 * a))
    law /= law.sum()
    for level in range(3):
        assert error(np.asarray(trace["y"]) == level, law[level]) < ERRORS
    rate = np.exp(-1 + 0.3 * a)
    assert error(trace["k"], law @ (rate / (1 - rate))) < ERRORS
    assert error(trace["x"][..., 0], law @ a) < ERRORS
    assert error(trace["x"][..., 0], 0.6) > ERRORS


# ── enumerated: exact draws, one transition ──────────────────────────────────────────────────────


def enumerated():
    """All states of PAIRS, their exact law, and a number for each."""
    pairs = model(PAIRS)
    grid = np.array([(i, j, b) for i in range(3) for j in range(3) for b in range(2)])
    values = {"c": jnp.asarray(grid[:, :2], jnp.int32), "b": jnp.asarray(grid[:, 2], float)}
    log_p = jax.vmap(partial(pairs.log_prob, {}))(values)
    return pairs, values, np.asarray(jax.nn.softmax(log_p))


def numbered(values):
    return np.asarray(values["c"][:, 0] * 6 + values["c"][:, 1] * 2 + values["b"].astype(int))


def symmetric(before, after, states=18):
    """Whether flows i → j and j → i agree: Σ (n_ij − n_ji)² / (n_ij + n_ji) is χ² of the pairs."""
    flows = np.zeros((states, states))
    np.add.at(flows, (before, after), 1)
    up = np.triu_indices(states, 1)
    both, apart = (flows + flows.T)[up], (flows - flows.T)[up]
    seen = both > 10
    value, count = (apart[seen] ** 2 / both[seen]).sum(), seen.sum()
    return bool(value < count + ERRORS * np.sqrt(2 * count))


def test_a_metropolis_proposal_is_in_detailed_balance():
    pairs, every, law = enumerated()
    chosen = np.random.default_rng(0).choice(18, 30_000, p=law)
    start = {name: v[chosen] for name, v in every.items()}

    def one(power, key, values):
        def density(v):
            return power * pairs.log_prob({}, v)

        bit = {"b": pairs.program.variables["b"]}
        return sweep(density, bit, key, At(values, density(values)), {})[0].values

    keys = jax.random.split(KEY, 30_000)
    after = numbered(jax.jit(jax.vmap(partial(one, 1.0)))(keys, start))
    assert symmetric(chosen, after)
    assert np.mean(after != chosen) > 0.2
    # The twin: another temperature.
    assert not symmetric(chosen, numbered(jax.jit(jax.vmap(partial(one, 0.5)))(keys, start)))


@pytest.mark.parametrize("name", ["mh", "temper"])
def test_chains_reach_the_enumerated_law(name):
    pairs, _, law = enumerated()
    n = 5000

    def off(**settings):
        sampler = implementation("sampler", name)(pairs, **settings)
        counts = np.bincount(numbered(sampler.draw({}, KEY, n, {})[0]), minlength=18)
        return ((counts - n * law) ** 2 / (n * law)).sum()

    bound = 17 + ERRORS * np.sqrt(34)
    assert off(steps=20, warmup=10) < bound
    # The twin: chains that have not moved.
    assert off(steps=0, warmup=0) > bound


# ── several modes ────────────────────────────────────────────────────────────────────────────────


def test_tempering_finds_the_weights_of_separate_modes():
    temper = implementation("sampler", "temper")(model(MODES), steps=100, warmup=300)
    trace, info = temper.traced({}, KEY, 20, 500, {}, lambda v: v["x"])
    assert error(np.asarray(trace) > 0, 0.8) < ERRORS
    assert float(info["swaps"]) > 0.5
    # The twin: without hot chains the start keeps its weights.
    mala = implementation("sampler", "mala")(model(MODES), steps=300, warmup=300)
    apart = np.asarray(mala.draw({}, KEY, 2000, {})[0]["x"]) > 0
    assert abs(apart.mean() - 0.8) > ERRORS * np.sqrt(0.25 / 2000)


def test_swaps_leave_the_product_of_the_ladders_laws_as_it_is():
    """Exact draws at each rung of a law on four states, one swap, the same laws again."""
    log_p, betas = jnp.log(jnp.asarray([0.1, 0.2, 0.3, 0.4])), jnp.asarray([1.0, 0.5, 0.2])
    n = 40_000
    draws = [jax.random.categorical(k, b * log_p, shape=(n,)) for k, b in zip(
        jax.random.split(KEY, 3), betas, strict=True)]  # fmt: skip
    states = jnp.stack(draws, axis=1)

    def rungs(betas, odd):
        swap = jax.vmap(partial(swapped, betas, odd))
        order, _ = swap(jax.random.split(jax.random.key(1), n), log_p[states])
        return np.asarray(jnp.take_along_axis(states, order, axis=1))

    def farthest(found):
        law = np.asarray(jax.nn.softmax(betas[:, None] * log_p[None], axis=1))
        seen = np.stack([np.bincount(found[:, r], minlength=4) for r in range(3)]) / n
        return float(np.abs((seen - law) / np.sqrt(law * (1 - law) / n)).max())

    for odd in (0, 1):
        assert farthest(rungs(betas, odd)) < ERRORS
    # The twin: a ladder that thinks its rungs are elsewhere.
    assert farthest(rungs(betas**2, 0)) > ERRORS


def test_annealing_ends_in_the_highest_mode():
    anneal = implementation("sampler", "anneal")(model(MODES), steps=300)
    drawn, info = anneal.draw({}, KEY, 50, {})
    # From a start at 0, warm enough to cross: nearly all end in the mode of weight 0.8.
    assert float(info["log_density"]) == pytest.approx(np.log(0.8), abs=1e-3)
    assert np.mean(np.abs(np.asarray(drawn["x"]) - 5) < 1) > 0.9
    cold = implementation("sampler", "anneal")(model(MODES), steps=300, hottest=0.1)
    assert np.mean(np.asarray(cold.draw({}, KEY, 50, {})[0]["x"]) > 0) < 0.9


def test_a_second_call_compiles_nothing():
    hmc = implementation("sampler", "hmc")(model(NORMAL), steps=5, warmup=5)
    hmc.draw({}, KEY, 1000, {})
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(hmc), "drawn", None)  # a second trace would call it
        drawn, _ = hmc.draw({}, jax.random.key(1), 1000, {})
    assert drawn["x"].shape == (1000,)

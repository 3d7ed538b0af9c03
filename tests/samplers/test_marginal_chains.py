"""Chains on the marginal law of what is continuous; finite data are drawn given its last state."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.objectives.contrast import Chains
from tests.lower.statistics import frequencies_match, mean_matches

WAVES = """model Waves {
  param a : real[3]
  ROLE y : cat(3)
  data x : real
  energy x ** 2 / 2 + sin(2 * x) - a[y] * x
}
"""
SLOPES = np.array([0.5, -1.0, 1.5])
GRID = np.linspace(-8.0, 8.0, 8001)


def joint() -> np.ndarray:
    """p(y, x) on the grid, [3, points], by quadrature."""
    weights = np.exp(-(GRID**2) / 2 - np.sin(2 * GRID) + SLOPES[:, None] * GRID)
    return weights / weights.sum()


def fitted(role: str = "data") -> dgm.Fitted:
    return dgm.parse(WAVES.replace("ROLE", role)).with_params({"a": SLOPES})


def test_what_is_summed_is_said() -> None:
    plan = fitted().model.plan
    assert [(r.variable, r.states) for r in plan.facts.in_chains] == [("y", 3)]
    assert plan.default_sampler == "mala"
    assert plan.objectives["pcd"].built
    assert "chains sum over its 3 joint states" in str(fitted().model.explain())


@pytest.mark.parametrize("sampler", ["mala(steps = 100, warmup = 100)"])
def test_draws_have_the_joint_law(sampler: str) -> None:
    drawn = fitted().draws(20_000, sampler=sampler, seed=1)
    x, y = np.asarray(drawn["x"], float), np.asarray(drawn["y"])
    p = joint()
    assert frequencies_match(np.bincount(y, minlength=3), p.sum(axis=1))
    assert not frequencies_match(np.bincount(y, minlength=3), np.full(3, 1 / 3))
    for level in range(3):
        assert mean_matches(x[y == level], p[level] @ GRID / p[level].sum())
    assert not mean_matches(x[y == 1], p.sum(axis=0) @ GRID)


def test_what_is_given_conditions_the_rest() -> None:
    p, sampler = joint(), "mala(steps = 100, warmup = 100)"
    x = np.asarray(fitted().draws(20_000, given={"y": 1}, sampler=sampler, seed=2)["x"], float)
    assert mean_matches(x, p[1] @ GRID / p[1].sum())
    assert not mean_matches(x, p.sum(axis=0) @ GRID)
    y = np.asarray(fitted().draws(20_000, given={"x": 0.8}, sampler=sampler, seed=3)["y"])
    at = np.exp(SLOPES * 0.8)
    assert frequencies_match(np.bincount(y, minlength=3), at / at.sum())


def test_contrast_with_marginal_states_has_the_likelihoods_gradient() -> None:
    lowered = fitted().model.lowered
    chains, params = Chains(lowered, 1, 0.01), {"a": jnp.asarray(SLOPES)}
    x, p = jnp.asarray(GRID), jnp.asarray(joint())

    def mean_energy(params: dict) -> jax.Array:
        return jnp.sum(jnp.sum(p, axis=0) * chains.energy(params, {"x": x}))

    found = jax.grad(mean_energy)(params)["a"]
    np.testing.assert_allclose(found, -joint() @ GRID, atol=1e-4)  # E[∂E/∂a_k] = −E[x; y = k]
    start = chains.begin(jax.random.key(0), {"x": x[:4], "y": jnp.zeros(4, int)}, 4)
    assert set(start) == {"x"}


def test_a_latent_class_of_an_energy_is_summed_out() -> None:
    model = fitted("latent")
    assert [(r.variable, r.rule) for r in model.model.plan.facts.removed] == [("y", "sum")]
    x = np.array([0.3, -1.1])
    truth = -(x**2) / 2 - np.sin(2 * x) + np.log(np.exp(SLOPES * x[:, None]).sum(axis=1))
    np.testing.assert_allclose(model.log_prob(x), truth, atol=1e-5)


@pytest.mark.parametrize("objective", ["pcd", "cd(k = 5, step = 0.2)"])
def test_both_contrastive_objectives_run(objective: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    data = {"x": SLOPES[y] + 0.3 * rng.standard_normal(200), "y": y}
    fit = dgm.parse(WAVES.replace("ROLE", "data")).fit(
        data, objective=objective, steps=20, batch=50, seed=0
    )
    assert np.isfinite(fit.history[-1].values["loss"])


def test_many_states_are_not_summed() -> None:
    text = "model M { data y : bit[16]; data x : real[16]; energy sum(x ** 4 - y * x ** 3) }"
    facts = dgm.parse(text).plan.facts
    assert facts.in_chains == ()
    assert facts.flags["mixed_chain"]

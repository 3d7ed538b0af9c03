"""Draws at a temperature have each entry's law to a power, and say that it is another law."""

from __future__ import annotations

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.distributions.cooled import cooled

pytestmark = pytest.mark.usefixtures("x64")
CHAIN = """model Chain {
  param p : simplex(3)
  param m : real[3]
  data k : cat(3) ~ Categorical(p)
  data x : real   ~ Normal(m[k], 2)
}"""
P = np.array([0.5, 0.3, 0.2])


def fit() -> dgm.Fitted:
    return dgm.parse(CHAIN).with_params({"p": P, "m": np.array([-1.0, 0.0, 4.0])})


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_each_law_goes_to_the_power(temperature: float) -> None:
    drawn = fit().sample(6000, sampler=f"ancestral(temperature = {temperature})")
    assert "not the model's law" in drawn["x"].method
    weights = P ** (1 / temperature)
    weights /= weights.sum()
    share = np.bincount(np.asarray(drawn["k"]), minlength=3) / 6000
    error = np.sqrt(weights * (1 - weights) / 6000)
    assert np.all(np.abs(share - weights) < 5 * error)
    assert not np.all(np.abs(share - P) < 5 * error)  # the twin
    spread = np.std(drawn["x"] - np.array([-1.0, 0.0, 4.0])[np.asarray(drawn["k"])])
    truth = 2 * np.sqrt(temperature)
    assert abs(spread - truth) < 5 * truth / np.sqrt(2 * 6000)


def test_at_one_it_is_the_models_law_to_the_bit() -> None:
    usual, same = fit().sample(5), fit().sample(5, sampler="ancestral(temperature = 1)")
    np.testing.assert_array_equal(usual["x"], same["x"])
    assert "not the model's law" not in same["x"].method


def test_near_zero_it_is_the_mode() -> None:
    drawn = fit().sample(50, sampler="ancestral(temperature = 0)")
    assert set(np.asarray(drawn["k"]).tolist()) == {0}
    np.testing.assert_allclose(drawn["x"], -1.0, atol=0.02)


@pytest.mark.parametrize("name", ["Normal", "Laplace", "Exponential"])
def test_densities_are_powers_up_to_a_constant(name: str) -> None:
    import numpyro.distributions as dist

    law = dist.Exponential(1.5) if name == "Exponential" else getattr(dist, name)(0.5, 1.5)
    x = np.array([0.1, 0.7, 2.0, 3.5])
    at = cooled(law, 0.4)
    assert at is not None
    apart = np.asarray(at.log_prob(x)) - np.asarray(law.log_prob(x)) / 0.4
    np.testing.assert_allclose(apart, apart[0], atol=1e-9)

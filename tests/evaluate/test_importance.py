"""log p(x) by draws of the prior, against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm
from dgmlang.evaluate.log_prob import importance, iwae
from tests.lower.statistics import ERRORS
from tests.objectives.models import LINEAR

KEY = jax.random.key(0)

UNDER_DATA = """model Under {
  latent z : real ~ Normal(2 * y, 1)
  data y : real ~ Normal(0, 1)
  data x : real ~ Normal(z, 1)
  guide { z ~ Normal(x, 1) }
}"""


def error(found: dgm.Result) -> np.ndarray:
    assert found.stderr is not None
    return found.stderr


def test_draws_of_the_prior_find_the_likelihood() -> None:
    fit = dgm.parse(LINEAR).with_params({"w": 0.8, "a": 2.0, "r": -1.0})
    x = np.array([1.3, -0.4])
    truth = norm.logpdf(x, 0, np.sqrt(1.64))
    found = fit.log_prob(x, method="importance(k = 4000, proposal = prior)")
    assert found.kind == "bound"
    assert "proposal = prior" in found.method
    assert np.all(np.abs(found - truth) < ERRORS * error(found))
    assert np.all(error(found) < 0.03)
    # The twin: a model a little off is told apart.
    other = fit.model.with_params({"w": 1.1, "a": 2.0, "r": -1.0})
    wrong = other.log_prob(x, method="importance(k = 4000, proposal = prior)")
    assert not np.all(np.abs(wrong - truth) < ERRORS * error(found))


def test_by_the_guide_it_is_iwae() -> None:
    fit = dgm.parse(LINEAR).with_params({"w": 0.8, "a": 0.5, "r": 0.0})
    lowered, values = fit.model.lowered, {"x": jnp.array([1.3, -0.4])}
    one = importance(lowered, fit.raw, values, KEY, k=7)
    assert np.allclose(one, iwae(lowered, fit.raw, values, KEY, k=7))


def test_a_prior_that_reads_data_is_drawn_given_them() -> None:
    fit = dgm.parse(UNDER_DATA).with_params({})
    data = {"y": np.array([0.5, -1.0]), "x": np.array([0.3, 1.0])}
    found = fit.log_prob(data, method="importance(k = 4000, proposal = prior)")
    truth = norm.logpdf(data["y"]) + norm.logpdf(data["x"], 2 * data["y"], np.sqrt(2))
    assert np.all(np.abs(found - truth) < ERRORS * error(found))
    # Drawn given another y, the prior's draws would miss: their mean weight is p(y) p(x).
    apart = norm.logpdf(data["y"]) + norm.logpdf(data["x"], 0, np.sqrt(6))
    assert not np.all(np.abs(found - apart) < ERRORS * error(found))


def test_the_method_says_how_many_draws_count() -> None:
    fit = dgm.parse(LINEAR).with_params({"w": 0.8, "a": 0.8 / 1.64, "r": -0.5 * np.log(1.64)})
    best = fit.log_prob([1.3], method="importance(k = 50)")
    assert "50 draws count" in best.method  # the guide is the posterior


@pytest.mark.parametrize("text", ["importance(proposal = priro)", "importance(q = 3)"])
def test_what_is_misspelt(text: str) -> None:
    fit = dgm.parse(LINEAR).with_params({"w": 0.8, "a": 0.5, "r": 0.0})
    with pytest.raises(dgm.DgmError):
        fit.log_prob([1.3], method=text)

"""A past that is read one place back, against the chain that it is."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.lower.hand import lowered
from tests.lower.statistics import mean_matches
from tests.lower.test_directed import perturbed

pytestmark = pytest.mark.usefixtures("x64")

WALK = """model Walk(n: int = 4) {{
  param a : real from 0.7
  param s : positive from 0.5
  data x : real[n] ~ Normal(1 + a * past(x{order}), s)
}}
"""


@pytest.mark.parametrize(
    ("order", "places"), [("", [0, 1, 2, 3]), (", order = random(seed = 3)", None)]
)
def test_a_weak_past_is_read_one_place_back(order, places):
    model = lowered(WALK.format(order=order))
    params = model.init(0, None)
    places = np.random.default_rng(3).permutation(4) if places is None else places
    x = np.random.default_rng(1).standard_normal(4)
    before = np.concatenate([[0.0], x[places][:-1]])
    truth = stats.norm.logpdf(x[places], 1 + 0.7 * before, 0.5).sum()
    assert model.log_prob(params, {"x": jnp.asarray(x)}) == pytest.approx(truth, abs=1e-10)


def test_draws_of_a_weak_past_are_those_of_the_chain():
    model = lowered(WALK.format(order=""))
    params = model.init(0, None)
    keys = jax.random.split(jax.random.key(5), 4000)
    x = np.asarray(jax.jit(jax.vmap(lambda k: model.draw(params, k, {})["x"]))(keys))
    means = np.array([1, 1.7, 2.19, 2.533])
    variances = 0.25 * np.cumsum(0.7 ** (2 * np.arange(4)))
    assert mean_matches(x, means)
    assert mean_matches((x - means) ** 2, variances)
    assert mean_matches((x - means)[:, 0] * (x - means)[:, 1], 0.7 * 0.25)
    assert not mean_matches((x - means)[:, 0] * (x - means)[:, 1], 0)


def test_a_table_of_transitions_by_the_class_before():
    model = lowered(
        "model M { param step : simplex(3)[3]\n data x : cat(3)[5] ~ Categorical(step[past(x)]) }"
    )
    params = perturbed(model.init(0, None))
    table = np.asarray(model.constrain(params)["step"])
    x = np.array([2, 0, 1, 1, 2])
    truth = np.log(table[[0, 2, 0, 1, 1], x]).sum()
    assert model.log_prob(params, {"x": jnp.asarray(x)}) == pytest.approx(truth, abs=1e-10)

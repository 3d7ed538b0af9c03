"""Sample weights: each objective that takes them is the weighted mean of the examples' losses."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.library import library
from dgmlang.objectives.batch import WEIGHT
from dgmlang.objectives.objective import Values
from dgmlang.objectives.pcd import dealt
from dgmlang.registry import implementation
from tests.objectives.models import BARE, GAUSSIAN, LINEAR, RBM, arrays, bits, model, rbm_params
from tests.objectives.test_likelihood import PRIORED

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
X = np.array([0.3, -1.0, 2.5, 0.9])

REALS = (GAUSSIAN, arrays(loc=0.4, rate=0.2), {"x": X})
SCORES = (BARE, arrays(a=0.3), {"x": np.stack([X, X[::-1] ** 2], axis=1)})
SITES = (RBM, rbm_params(), {"v": bits(4)[[1, 6, 15, 0]]})
FIELD = """model M {
  param a : real
  net v(x: real[1], t: unit) -> real[1] raw = a * (x - t)
  data x : real[1] ~ Normal(0, 1) |> ode(v)
}"""
PATHS = (FIELD, arrays(a=0.3), {"x": X[:, None]})
LABELS = (
    """model M {
  param w : real
  data y : bit ~ Bernoulli(0.3)
  data x : real ~ Normal(w * y, 1)
}""",
    arrays(w=0.7),
    {"x": X, "y": np.array([1.0, 0.0, 0.0, 1.0])},
)
LATENT = (LINEAR, arrays(w=0.7, a=0.3, r=-0.5), {"x": X})

CASES: dict[str, tuple[str, dict[str, Any], dict[str, np.ndarray]]] = {
    "mle": REALS,
    "em": REALS,
    "map": (PRIORED, arrays(loc=0.7), {"x": X}),
    "elbo": LATENT,
    "iwae": LATENT,
    "discriminate": LABELS,
    "cd": SITES,
    "pcd": SITES,
    "pseudolikelihood": SITES,
    "nce": REALS,
    "sm": SCORES,
    "ssm": SCORES,
    "dsm": SCORES,
    "flow_matching": PATHS,
}
SETTINGS = {"discriminate": {"y": "y"}}


def test_every_weighted_objective_has_a_case() -> None:
    able = [e for e in library().space("objective").values() if e.has("sample_weight")]
    assert {e.name for e in able if not e.has("planned")} == set(CASES)


def gradient(name: str, weights: np.ndarray | None) -> np.ndarray:
    """Loss and gradient, laid end to end, of four examples with these weights, under one key."""
    text, numbers, data = CASES[name]
    params = arrays(**numbers)  # here, where the test has sixty-four bits
    objective = implementation("objective", name)(model(text), **SETTINGS.get(name, {}))
    batch: Values = arrays(**data)
    first = {**params, **objective.companions(KEY, batch)}
    state = objective.start(KEY, first, batch)
    if weights is not None:
        batch[WEIGHT] = jnp.asarray(weights)

    def loss(params: Any) -> jax.Array:
        return objective.players[0].loss(params, state, batch, KEY)[0]

    value, slopes = jax.value_and_grad(loss)(first)
    return np.concatenate([np.ravel(leaf) for leaf in [value, *jax.tree.leaves(slopes)]])


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_the_weighted_mean(name: str) -> None:
    each = np.stack([gradient(name, row) for row in 4.0 * np.eye(4)])
    assert np.allclose(gradient(name, np.ones(4)), gradient(name, None), rtol=1e-10)
    weights = np.array([0.0, 1.0, 2.5, 0.5])
    assert np.allclose(gradient(name, weights), weights / 4 @ each, rtol=1e-8)
    # The twin: a loss that does not read its weights has one value for every example alone.
    assert np.all(np.std(each, axis=0)[:2] > 1e-3)


@pytest.mark.parametrize("name", ["mle", "map"])
def test_weights_are_repetitions(name: str) -> None:
    text, numbers, data = CASES[name]
    params = arrays(**numbers)  # here, where the test has sixty-four bits
    objective = implementation("objective", name)(model(text), **SETTINGS.get(name, {}))
    counts = np.array([1, 3, 2, 2])

    def slope(batch: Values) -> jax.Array:
        state = {"count": jnp.asarray(8.0)}
        return jax.grad(lambda p: objective.players[0].loss(p, state, batch, KEY)[0])(params)["loc"]

    repeated = {"x": jnp.asarray(np.repeat(data["x"], counts))}
    weighed = {"x": jnp.asarray(data["x"]), WEIGHT: jnp.asarray(counts / counts.mean())}
    assert float(slope(weighed)) == pytest.approx(float(slope(repeated)), rel=1e-12)


def test_chains_are_dealt_by_weight() -> None:
    data = {"x": jnp.zeros(3), WEIGHT: jnp.asarray([0.5, 2.5, 0.0])}
    rows = np.asarray(dealt(KEY, 4000, data))
    assert not np.any(rows == 2)
    error = np.sqrt(1 / 6 * 5 / 6 / 4000)
    assert abs(np.mean(rows == 0) - 1 / 6) < 5 * error
    # The twin: dealt alike, a third of the chains would start at each example.
    assert abs(np.mean(np.asarray(dealt(KEY, 4000, {"x": data["x"]})) == 0) - 1 / 6) > 5 * error

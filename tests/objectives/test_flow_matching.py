"""Flow matching against Gaussians, whose marginal field and least loss are known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import dgmlang as dgm
from dgmlang.compiler.plan.methods import objective
from dgmlang.objectives.assignment import assignment

MEAN, VARIANCE = 1.5, 0.25
MARGINAL = "(t * 0.25 - (1 - t)) / ((1 - t) ** 2 + t ** 2 * 0.25) * (x - 1.5 * t) + 1.5"
"""E[x₁ − x₀ | x_t = x] of N(0, 1) and N(1.5, 0.25), independent."""

MONOTONE = "1.5 - 0.5 * (x - 1.5 * t) / (1 - 0.5 * t)"
"""The velocity of the straight path through x at t, of the increasing map x₁ = 1.5 + 0.5 x₀."""


def model(field: str, law: str = "Normal(0, 1) |> ode(v)", more: str = "") -> dgm.Model:
    return dgm.parse(f"""model M {{
      param a : real
      {more}
      net v(x: real[1], t: unit) -> real[1] raw = a * ({field})
      data x : real[1] ~ {law}
    }}""")


def loss(field: str, coupling: str = "independent") -> Any:
    """(a, batch [n, 1], key) → the loss."""
    held = model(field)
    method = objective(held.plan, f"flow_matching(coupling = {coupling})")
    own = held.objective(method).players[0].loss
    return lambda a, xs, key: own({"a": jnp.asarray(a)}, {}, {"x": xs}, key)[0]


def over_batches(function: Any, batches: int = 256, n: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of a function of (batch, key), over fresh data each time."""

    def one(key: Any) -> Any:
        first, second = jax.random.split(key)
        return function(MEAN + VARIANCE**0.5 * jax.random.normal(first, (n, 1)), second)

    found = jax.jit(lambda keys: jax.lax.map(one, keys))(
        jax.random.split(jax.random.key(0), batches)
    )
    return np.mean(found), np.std(found, ddof=1) / batches**0.5


def test_the_marginal_field_is_where_the_gradient_is_zero() -> None:
    at = jax.grad(loss(MARGINAL))
    mean, error = over_batches(lambda xs, key: at(1.0, xs, key))
    assert abs(mean) < 5 * error
    off, error = over_batches(lambda xs, key: at(1.05, xs, key))
    assert abs(off) > 5 * error


def test_the_loss_there_is_the_variance_of_velocities() -> None:
    """∫ Var(x₁ − x₀ | x_t) dt, by the conditional variance of jointly Gaussian numbers."""
    t = (np.arange(20_000) + 0.5) / 20_000
    slope = (t * VARIANCE - (1 - t)) ** 2 / ((1 - t) ** 2 + t**2 * VARIANCE)
    expected = float(np.mean(1 + VARIANCE - slope))
    own = loss(MARGINAL)
    mean, error = over_batches(lambda xs, key: own(1.0, xs, key))
    assert abs(mean - expected) < 5 * error
    assert abs(mean - 1.1 * expected) > 5 * error


def test_pairs_of_least_distance_straighten_the_paths() -> None:
    """In one dimension they keep the order, so the loss of the monotone map's velocities is small:
    that of two samples of 64, whose order statistics differ by some 1/64; nearly 2 unpaired."""
    paired, apart = loss(MONOTONE, "ot"), loss(MONOTONE)
    close, _ = over_batches(lambda xs, key: paired(1.0, xs, key), 32)
    far, _ = over_batches(lambda xs, key: apart(1.0, xs, key), 32)
    assert close < 0.05
    assert far > 1.0


def test_no_equation_is_solved() -> None:
    own = loss(MARGINAL)
    text = str(jax.make_jaxpr(jax.grad(own))(1.0, jnp.ones((4, 1)), jax.random.key(0)))
    assert "while" not in text
    assert "scan" not in text


def test_stages_around_the_field_are_gone_through() -> None:
    law = "Normal(0, 1) |> leaky(0.5) |> ode(v) |> sigmoid"
    held = dgm.parse(f"""model M {{
      net v(x: real[1], t: unit) -> real[1] raw = x
      data x : unit[1] ~ {law}
    }}""")
    start, end = held.lowered.path_ends({}, jax.random.key(3), {"x": jnp.array([0.25])})
    drawn = model("x").lowered.path_ends({"a": 1.0}, jax.random.key(3), {"x": jnp.zeros(1)})[0]
    np.testing.assert_allclose(end, np.log(0.25 / 0.75), rtol=1e-5)
    np.testing.assert_allclose(start, jnp.where(drawn > 0, drawn, 0.5 * drawn), rtol=1e-6)


@pytest.mark.parametrize(
    "law",
    [
        "Normal(a, 1) |> ode(v)",
        "Normal(0, 1) |> ode(v) |> planar",
        "Normal(0, 1) |> ode(v) |> ode(v)",
        "Normal(0, 1) |> planar",
    ],
)
def test_anything_else_to_learn_is_refused(law: str) -> None:
    with pytest.raises(dgm.DgmError, match="nothing else to learn"):
        objective(model("x", law).plan, "flow_matching")


def test_draws_are_not_paired_across_givens() -> None:
    held = model("x", more="given c : real[1]")
    with pytest.raises(dgm.DgmError, match="across the values of givens"):
        objective(held.plan, "flow_matching(coupling = ot)")
    assert str(objective(held.plan, "flow_matching")) == "flow_matching"


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_assignment_is_scipys(n: int) -> None:
    costs = np.random.default_rng(n).normal(size=(3, n, n)).astype(np.float32)
    costs[2] = np.round(costs[2])  # ties: many assignments are best
    found = np.asarray(jax.jit(jax.vmap(assignment))(costs))
    for cost, columns in zip(costs, found, strict=True):
        best = cost[linear_sum_assignment(cost)].sum()
        assert sorted(columns.tolist()) == list(range(n))
        np.testing.assert_allclose(cost[np.arange(n), columns].sum(), best, atol=1e-5)
        assert n < 3 or cost.trace() > best + 0.1

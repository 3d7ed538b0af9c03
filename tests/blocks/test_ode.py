"""Continuous flows against closed forms: a linear field has a matrix exponential for a flow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import expm

import dgmlang as dgm
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.methods import objective as method
from dgmlang.solvers.solve import Scheme, solve

GOLDEN = Path(__file__).parents[1] / "golden" / "training"
A = np.array([[0.3, -1.2], [0.8, -0.5]])
TIGHT = "rtol = 1e-9, atol = 1e-9"
POINTS = np.array([[0.0, 0.0], [1.5, -0.4], [-3.0, 2.0]])


def linear(field: str = "2 * t * (A @ x)", settings: str = TIGHT) -> dgm.Model:
    """A Gaussian: the flow of a field that is linear in x is exp(∫ A dt)."""
    return dgm.parse(f"""model M {{
      param A : real[2, 2]
      net v(x: real[2], t: unit) -> real[2] raw = {field}
      data x : real[2] ~ Normal(0, 1) |> ode(v, {settings})
    }}""")


def log_prob(model: dgm.Model | Lowered, xs: Any) -> np.ndarray:
    lowered = model.lowered if isinstance(model, dgm.Model) else model
    density = jax.jit(jax.vmap(lambda x: lowered.log_prob({"A": jnp.asarray(A)}, {"x": x})))
    return np.asarray(density(jnp.asarray(xs)))


def truth(xs: Any, matrix: Any = A) -> Any:
    """log N(x; 0, F Fᵀ) of F = exp(A), whose determinant is exp(tr A)."""
    base = jnp.asarray(xs) @ expm(-jnp.asarray(matrix)).T
    size = base.shape[1] * np.log(2 * np.pi)
    return -0.5 * (jnp.sum(base**2, axis=1) + size) - jnp.trace(jnp.asarray(matrix))


@pytest.mark.usefixtures("x64")
def test_a_linear_field_is_a_gaussian() -> None:
    np.testing.assert_allclose(log_prob(linear(), POINTS), truth(POINTS), atol=1e-7)
    assert abs(log_prob(linear("3 * t * (A @ x)"), POINTS) - truth(POINTS)).max() > 0.1


@pytest.mark.usefixtures("x64")
def test_draws_are_the_base_carried_along() -> None:
    model, key = linear(settings="steps = 40"), jax.random.key(0)
    lowered, params = model.lowered, {"A": jnp.asarray(A)}
    y = jax.jit(lowered.draw)(params, key, {})["x"]
    same, log_p = jax.jit(lowered.draw_with_density)(params, key, {})
    np.testing.assert_allclose(same["x"], y, atol=1e-7)
    np.testing.assert_allclose(log_p, truth(y[None])[0], atol=1e-7)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("solver", "order"), [("Euler", 1), ("Heun", 2), ("Bosh3", 3)])
def test_equal_steps_err_by_the_order_of_the_solver(solver: str, order: int) -> None:
    """Half the step, an error 2^order times smaller; less than one order is off by a factor 2."""
    errors = [
        abs(log_prob(linear(settings=f"solver = {solver}, steps = {n}"), POINTS) - truth(POINTS))
        for n in (32, 64)
    ]
    shrunk = errors[0].max() / errors[1].max()
    assert 2 ** (order - 0.5) < shrunk < 2 ** (order + 0.5)


@pytest.mark.usefixtures("x64")
def test_it_is_conditional_on_what_its_net_takes() -> None:
    """v(x, t, c) = c x scales by exp(c)."""
    model = dgm.parse("""model M {
      given c : real[1]
      net v(x: real[1], t: unit, c: real[1]) -> real[1] raw = c * x
      data x : real[1] ~ Normal(0, 1) |> ode(v, condition = c, steps = 24)
    }""")
    values = {"x": jnp.array([0.7]), "c": jnp.array([-0.4])}
    expected = jax.scipy.stats.norm.logpdf(0.7, 0.0, np.exp(-0.4))
    np.testing.assert_allclose(model.lowered.log_prob({}, values), expected, atol=1e-8)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("how", ["alone", "together", "forward"])
def test_gradients_are_those_of_the_closed_form(how: Any) -> None:
    settings = "steps = 24" if how == "forward" else "rtol = 1e-7, atol = 1e-7"
    lowered = linear(settings=settings).lowered.solved(how=how)

    def mean(density: Callable[[Any], Any]) -> Any:
        return jax.jit(jax.grad(lambda a: density(a).mean()))(jnp.asarray(A))

    def along(a: Any) -> Any:
        return jax.vmap(lambda x: lowered.log_prob({"A": a}, {"x": x}))(jnp.asarray(POINTS))

    np.testing.assert_allclose(mean(along), mean(lambda a: truth(POINTS, a)), atol=1e-5)


def test_directions_estimate_without_bias_and_know_their_error() -> None:
    """Eight solves a point, 64 points: the mean of (estimate − truth)/error is one of a t law.

    With 7 degrees of freedom it has variance 7/5, so the mean of 64 lies within five of
    √(7/5/64) = 0.148; an estimate of twice the divergence is further off by far.
    """
    d = 48
    model = dgm.parse(f"""model M {{
      param A : real[{d}, {d}]
      net v(x: real[{d}], t: unit) -> real[{d}] raw = A @ x
      data x : real[{d}] ~ Normal(0, 1) |> ode(v, steps = 8)
    }}""")
    matrix = np.random.default_rng(0).normal(size=(d, d)) / 20 + 0.1 * np.eye(d)
    fitted = model.with_params({"A": matrix})
    xs = np.random.default_rng(1).normal(size=(64, d))
    found = fitted.log_prob(xs, seed=3)
    exact = fitted.log_prob(xs, method="exact")
    assert found.kind == "estimate"
    assert found.stderr is not None
    assert exact.kind == "exact"
    np.testing.assert_allclose(exact, truth(xs, matrix), atol=0.02)
    off = float(np.mean((found.value - exact.value) / found.stderr))
    doubled = found.value - np.trace(matrix) - exact.value
    assert abs(off) < 5 * 0.148
    assert abs(float(np.mean(doubled / found.stderr))) > 5 * 0.148


@pytest.mark.parametrize(
    "scheme",
    [Scheme("Tsit5"), Scheme("Heun", rtol=1e-3), Scheme("Dopri5", steps=5), Scheme(steps=5)],
)
def test_the_number_of_evaluations_is_that_of_calls(scheme: Scheme) -> None:
    calls: list[int] = []

    def field(t: Any, x: Any, _: Any) -> Any:
        jax.debug.callback(lambda: calls.append(1))
        return jnp.sin(5 * x) * t

    _, count = jax.jit(lambda x: solve(field, x, (0.0, 1.0), None, scheme))(jnp.ones(2))
    jax.effects_barrier()
    assert len(calls) == count


def test_what_is_asked_says_how_often_the_field_was_evaluated() -> None:
    fitted = linear(settings="solver = Heun, steps = 10").with_params({"A": A})
    assert fitted.log_prob(POINTS).method == "exact, Heun in 10 steps, 20 evaluations of the field"
    assert fitted.sample(2).method == "ancestral, Heun in 10 steps, 20 evaluations of the field"


def test_a_field_that_bends_too_fast_is_no_number(golden: Callable[[Path, str], None]) -> None:
    steep = dgm.parse("""model Steep {
      param k : real
      net v(x: real[1], t: unit) -> real[1] raw = k * sin(k * x)
      data x : real[1] ~ Normal(0, 1) |> ode(v)
    }""").with_params({"k": 3e4})
    with pytest.raises(dgm.DgmError) as raised:
        steep.sample(2)
    golden(GOLDEN / "not_solved.txt", str(raised.value) + "\n")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("objective", ["sm", "ssm"])
def test_scores_of_continuous_flows_are_matched(objective: str) -> None:
    """tr ∇s + ½ ‖s‖² of a Gaussian is −tr Σ⁻¹ + ½ ‖Σ⁻¹ x‖²; along ±1 directions in the plane too,
    where only the off-diagonal of Σ⁻¹ is random."""
    model = linear(settings="steps = 16")
    loss = model.objective(method(model.plan, objective)).players[0].loss
    params, batch = {"A": jnp.asarray(A)}, {"x": jnp.asarray(POINTS)}
    keys = jax.random.split(jax.random.key(0), 64)
    found = jax.jit(jax.vmap(lambda key: loss(params, {}, batch, key)[0]))(keys)
    flow = expm(jnp.asarray(A))
    precision = jnp.linalg.inv(flow @ flow.T)
    expected = np.mean(-jnp.trace(precision) + 0.5 * ((POINTS @ precision) ** 2).sum(1))
    error = found.std() / 8 + 1e-5
    assert abs(found.mean() - expected) < 5 * error
    assert abs(found.mean() - 1.1 * expected) > 5 * error

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.batch import strata
from dgmlang.objectives.field import exact_trace
from dgmlang.objectives.ssm import DIRECTIONS
from dgmlang.registry import implementation
from tests.objectives.models import BARE, DIFFUSION, QUADRATIC, arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
N = 200_000
GRID = (np.arange(20_000) + 0.5) / 20_000

CORRELATED = """model Correlated {
  param P : real[3, 3]
  data x : real[3]
  energy x @ P @ x / 2
}"""


def each(name, lowered, params, data, seed=0, **settings):
    objective = implementation("objective", name)(lowered, **settings)
    return np.asarray(objective.validate(params, arrays(x=data), jax.random.key(seed)))


def precision():
    root = np.array([[1.0, 0.2, 0.0], [0.0, 1.5, -0.4], [0.3, 0.0, 0.6]])
    return root @ root.T


@pytest.mark.parametrize("name", ["sm", "ssm"])
def test_the_minimum_is_half_the_trace_of_the_precision(name):
    truth = precision()
    cholesky = np.linalg.cholesky(np.linalg.inv(truth))
    data = np.random.default_rng(0).normal(size=(N, 3)) @ cholesky.T
    lowered = model(CORRELATED)
    found = each(name, lowered, arrays(P=truth), data)
    assert within(found, -0.5 * np.trace(truth))
    # The twin: another precision costs its Fisher divergence.
    assert not within(each(name, lowered, arrays(P=1.5 * truth), data), -0.5 * np.trace(truth))


def test_more_projections_estimate_the_same():
    truth = precision()
    data = np.random.default_rng(0).normal(size=(2000, 3))
    lowered = model(CORRELATED)
    exact = each("sm", lowered, arrays(P=truth), data)
    sliced = each("ssm", lowered, arrays(P=truth), data, projections=8)
    assert within(sliced - exact, 0.0)
    assert not np.allclose(sliced, exact)


@pytest.mark.parametrize("directions", ["rademacher", "gaussian", "sphere"])
def test_every_kind_of_direction_has_the_mean_of_the_trace(
    directions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = precision()
    data = np.random.default_rng(0).normal(size=(20_000, 3))
    lowered, params = model(CORRELATED), arrays(P=truth)
    exact = each("sm", lowered, params, data)
    found = each("ssm", lowered, params, data, directions=directions)
    plain = each("ssm", lowered, params, data, directions=directions, reduced=False)
    assert within(found - exact, 0.0)
    assert within(plain - exact, 0.0)
    assert (plain - exact).var() > 1.5 * (found - exact).var()
    # The twin: directions that are a fifth too long.
    own = DIRECTIONS[directions]
    monkeypatch.setitem(DIRECTIONS, directions, lambda key, x: 1.2 * own(key, x))
    assert not within(each("ssm", lowered, params, data, directions=directions) - exact, 0.0)


def test_directions_that_are_none_are_refused() -> None:
    with pytest.raises(DgmError, match="DGM0803"):
        each("ssm", model(CORRELATED), arrays(P=precision()), np.zeros((2, 3)), directions="up")


def test_differences_stand_for_derivatives():
    """The same for a linear score; for another they are off by h², and so is the minimum."""
    truth = precision()
    data = np.random.default_rng(0).normal(size=(2000, 3))
    lowered = model(CORRELATED)
    sliced = each("ssm", lowered, arrays(P=truth), data)
    assert np.allclose(sliced, each("ssm", lowered, arrays(P=truth), data, difference=0.1))
    bent = model("model M { param a : real\n data x : real[2]\n score x = -exp(a) * x ** 3 }")
    exact, near, far = (
        each("ssm", bent, arrays(a=0.1), data[:, :2], difference=h).mean() for h in (0.0, 0.05, 0.1)
    )
    assert (far - exact) / (near - exact) == pytest.approx(4.0, rel=0.02)


def test_the_minimum_of_denoising():
    """½ (1/σ² − 1/(σ² + s²)) an entry, at the score of the blurred data."""
    s, sigma = 0.8, 0.5
    data = s * np.random.default_rng(0).normal(size=(N, 2))
    truth = 2 * 0.5 * (1 / sigma**2 - 1 / (sigma**2 + s**2))
    lowered = model(BARE)
    found = each("dsm", lowered, arrays(a=-np.log(s**2 + sigma**2)), data, sigma=sigma)
    assert within(found, truth)
    # The twin: the score of the data as they are.
    assert not within(each("dsm", lowered, arrays(a=-np.log(s**2)), data, sigma=sigma), truth)


def test_denoising_a_density():
    data = np.random.default_rng(0).normal(size=100)
    found = each("dsm", model(QUADRATIC), arrays(a=0.3), data, sigma=0.5)
    bare = model("model M { param a : real\n data x : real\n score x = -exp(a) * x }")
    assert np.allclose(found, each("dsm", bare, arrays(a=0.3), data, sigma=0.5))


def process_minimum(variance):
    """½ E_t [1 − σ²/(σ² + α² v)] an entry, over uniform times."""
    t = 1e-5 + (1 - 1e-5) * GRID
    spent = 0.1 * t + 0.5 * t**2 * 19.9
    alpha, sigma = np.exp(-0.5 * spent), np.sqrt(-np.expm1(-spent))
    return 0.5 * np.mean(1 - sigma**2 / (sigma**2 + alpha**2 * variance))


def test_the_minimum_over_all_noise_levels():
    data = np.random.default_rng(0).normal(2.0, 0.5, size=(N, 1))
    lowered = model(DIFFUSION)
    raw = jnp.log(jnp.expm1(0.25 - 1e-6))
    params = arrays(loc=2.0, variance=raw)
    assert float(lowered.constrain(params)["variance"]) == pytest.approx(0.25)
    assert within(each("dsm", lowered, params, data), process_minimum(0.25))
    wrong = each("dsm", lowered, arrays(loc=1.5, variance=raw), data)
    assert not within(wrong, process_minimum(0.25))


def test_score_matching_under_a_process_differs_by_a_constant():
    """E σ² (tr ∇s + ½ ‖s‖²) = E ½ ‖σ s + ε‖² − d/2, the noise's own part."""
    data = np.random.default_rng(1).normal(2.0, 0.5, size=(N, 1))
    lowered = model(DIFFUSION)
    params = arrays(loc=2.0, variance=np.log(np.expm1(0.25 - 1e-6)))
    for name in ("sm", "ssm"):
        assert within(each(name, lowered, params, data), process_minimum(0.25) - 0.5)


def test_times_are_stratified():
    t = np.sort(np.asarray(strata(jax.random.key(0), 50)))
    assert t.min() > 0
    assert t.max() <= 1.0
    assert np.allclose(np.diff(t), 1 / 50)
    means = jax.vmap(lambda key: jnp.mean(strata(key, 4) ** 2))
    assert within(np.asarray(means(jax.random.split(jax.random.key(1), 2000))), 1 / 3)


def test_exact_trace_is_that_of_the_jacobian():
    mix = jnp.asarray(np.random.default_rng(0).normal(size=(5, 5)))

    def field(x):
        return jnp.tanh(x @ mix) * x

    x = jnp.asarray(np.random.default_rng(1).normal(size=(7, 5)))
    value, trace = exact_trace(field, x)
    jacobians = jax.vmap(jax.jacfwd(lambda row: field(row[None])[0]))(x)
    assert np.allclose(trace, jnp.trace(jacobians, axis1=1, axis2=2))
    assert np.allclose(value, field(x))


def test_gradients_pass_through_the_trace():
    lowered = model(CORRELATED)
    data = np.random.default_rng(0).normal(size=(20, 3))
    objective = implementation("objective", "sm")(lowered)

    def loss(p):
        return objective.players[0].loss({"P": p}, {}, arrays(x=data), jax.random.key(0))[0]

    def by_hand(p):
        sym = 0.5 * (p + p.T)
        return -jnp.trace(sym) + 0.5 * jnp.mean(jnp.sum((data @ sym) ** 2, axis=1))

    p = jnp.asarray(precision())
    assert float(loss(p)) == pytest.approx(float(by_hand(p)))
    assert np.allclose(jax.grad(loss)(p), jax.grad(by_hand)(p))

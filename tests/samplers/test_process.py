from __future__ import annotations

import jax
import numpy as np
import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.registry import implementation
from dgmlang.samplers.reverse import Reverse
from tests.objectives.models import DIFFUSION, arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
LOC, VARIANCE = 2.0, 0.25
SIGNAL = 0.0065715865
AT = {"loc": LOC, "variance": np.log(np.expm1(VARIANCE - 1e-6))}


def drawn(name, n=20_000, **settings):
    sampler = implementation("sampler", name)(model(DIFFUSION), **settings)
    values, info = sampler.draw(arrays(**AT), KEY, n, {})
    assert values["x"].shape == (n, 1)
    return np.asarray(values["x"][:, 0]), info


def test_the_reverse_sde_ends_at_the_data():
    x, _ = drawn("sde", steps=1000)
    # Euler's own error: first order in the step, 0.3 % of a standard deviation here.
    assert abs(x.mean() - LOC) < 5 * 0.5 / np.sqrt(len(x)) + 2e-3
    assert abs(x.var() - VARIANCE) < 5 * VARIANCE * np.sqrt(2 / len(x)) + 2e-3
    # The twin: too few steps are seen.
    coarse, _ = drawn("sde", steps=10)
    assert not within((coarse - LOC) ** 2, VARIANCE)


@pytest.mark.parametrize("solver", ["Heun", "EulerHeun"])
def test_diffrax_solves_it_too(solver):
    x, _ = drawn("sde", n=4000, steps=200, solver=solver)
    assert within(x, LOC)
    assert within((x - LOC) ** 2, VARIANCE)


def test_the_flow_is_the_gaussian_map():
    """x₀ = μ + s (x₁ − α₁ μ)/√(α₁² s² + σ₁²): a Gaussian flow keeps its quantiles."""
    lowered = model(DIFFUSION)
    x, info = drawn("ode", n=200, rtol=1e-8, atol=1e-8)
    keys = jax.random.split(KEY, 200)
    start = jax.vmap(Reverse(lowered, arrays(**AT), {}).start)(keys)[:, 0]
    spread = np.sqrt(SIGNAL**2 * VARIANCE + 1 - SIGNAL**2)
    expected = LOC + np.sqrt(VARIANCE) * (np.asarray(start) - SIGNAL * LOC) / spread
    assert np.allclose(x, expected, atol=1e-4)
    assert float(info["steps"]) > 10


def test_a_solver_by_another_name():
    with pytest.raises(DgmError) as refused:
        drawn("ode", n=1, solver="Tsit55")
    assert refused.value.diagnostics[0].help == "write `Tsit5`"

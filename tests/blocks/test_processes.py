"""Noising processes against quadrature, known numbers, and float32 near time 0."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from dgmlang.processes.vp import VariancePreserving
from dgmlang.registry import implementation, implemented

SETTINGS = {
    "vp": {"beta_min": 0.1, "beta_max": 20.0},
    "vp, cosine": {"cosine": 0.008},
    "subvp": {"beta_min": 0.1, "beta_max": 20.0},
    "ve": {"sigma_min": 0.01, "sigma_max": 50.0},
    "edm": {"sigma_data": 0.5, "sigma_min": 0.002, "sigma_max": 80.0},
    "levels": {"sigmas": (0.01, 0.1, 1.0, 10.0)},
}
NAMES = sorted(SETTINGS)
CONTINUOUS = [name for name in NAMES if name != "levels"]
TIMES = (0.03, 0.4, 0.99)


def process(name: str) -> Any:
    return implementation("process", name.partition(",")[0])(**SETTINGS[name])


def test_every_process_is_here() -> None:
    assert {name.partition(",")[0] for name in NAMES} == {n for _, n in implemented("process")}


def marginal(of: Any, t: float, start: float = 0.0) -> tuple[float, float]:
    """(α, σ²) at t by quadrature: α = exp ∫c and σ² = σ²(start) α² + ∫ g(s)² (α(t)/α(s))² ds."""
    one = jnp.ones(())

    def alpha(a: float, b: float) -> float:
        return float(np.exp(quad(lambda s: float(of.drift(one, s)), a, b)[0]))

    def rate(s: float) -> float:
        return float(of.diffusion(s)) ** 2 * alpha(s, t) ** 2

    grown = quad(rate, start, t, epsrel=1e-10)[0]
    return alpha(start, t), grown + float(of.noise(start)) ** 2 * alpha(start, t) ** 2


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_closed_forms_solve_the_equation(name: str, t: float) -> None:
    of = process(name)
    alpha, variance = marginal(of, t)
    np.testing.assert_allclose(of.signal(t), alpha, rtol=1e-7)
    np.testing.assert_allclose(of.noise(t) ** 2, variance, rtol=1e-7)


@pytest.mark.usefixtures("x64")
def test_quadrature_sees_a_wrong_diffusion() -> None:
    class Wrong(VariancePreserving):
        def diffusion(self, t: Any) -> Any:
            return 1.01 * super().diffusion(t)

    wrong = Wrong(**SETTINGS["vp"])
    assert abs(marginal(wrong, 0.4)[1] / wrong.noise(0.4) ** 2 - 1) > 1e-3


@pytest.mark.usefixtures("x64")
def test_signal_of_vp_at_known_times() -> None:
    """Song et al. 2021 with β from 0.1 to 20."""
    found = process("vp").signal(jnp.array([0.1, 0.5, 1.0]))
    np.testing.assert_allclose(found, [0.9467217988, 0.2811828808, 0.0065715865], rtol=1e-8)


@pytest.mark.usefixtures("x64")
def test_marginal_of_gaussian_data_under_vp() -> None:
    """Data N(2, 0.25) are N(0.56236576, 0.94070214) at time 0.5."""
    vp = process("vp")
    variance = vp.signal(0.5) ** 2 * 0.25 + vp.noise(0.5) ** 2
    np.testing.assert_allclose([2 * vp.signal(0.5), variance], [0.56236576, 0.94070214], rtol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_accurate_in_float32_near_zero(name: str) -> None:
    times = np.array([1e-5, 1e-4, 1e-3, 0.1, 1.0])
    single = process(name).noise(jnp.asarray(times, jnp.float32))
    assert single.dtype == jnp.float32
    with jax.enable_x64(True):
        double = np.asarray(process(name).noise(jnp.asarray(times.astype(np.float32), float)))
    np.testing.assert_allclose(single, double, rtol=1e-6)


def test_the_direct_formula_would_fail_there() -> None:
    vp = process("vp")
    naive = jnp.sqrt(1 - vp.signal(jnp.float32(1e-5)) ** 2)
    assert abs(naive / vp.noise(jnp.float32(1e-5)) - 1) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_prior_is_one_event_of_the_noise_at_the_end(name: str) -> None:
    of = process(name)
    prior = of.prior((2, 3))
    assert prior.event_shape == (2, 3)
    assert prior.batch_shape == ()
    np.testing.assert_allclose(prior.variance, float(of.noise(of.last_time)) ** 2, rtol=1e-3)
    assert 0 < of.first_time < of.last_time


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", NAMES)
def test_times_are_found_by_their_level(name: str) -> None:
    of = process(name)
    t = of.spread(np.array([0.05, 0.3, 0.7, 1.0]))
    np.testing.assert_allclose(of.time(of.level(t)), t, rtol=1e-9)
    np.testing.assert_allclose(np.exp(-0.5 * of.log_snr(t)), of.level(t), rtol=1e-12)


def test_steps_of_karras() -> None:
    """Table 1: σ_i = (σ_max^(1/ρ) + i/(N−1) (σ_min^(1/ρ) − σ_max^(1/ρ)))^ρ, N = 5."""
    places = np.arange(5) / 4
    levels = (80 ** (1 / 7) + places * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(process("edm").noise(1.0 - places), levels, rtol=1e-5)


def test_cosine_is_that_of_its_paper() -> None:
    t = np.array([1e-4, 0.1, 0.5, 0.9, 0.999])

    def squared(t: Any) -> Any:
        return np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2

    np.testing.assert_allclose(
        process("vp, cosine").signal(t), np.sqrt(squared(t) / squared(0.0)), rtol=1e-4
    )


def test_a_ladder_has_only_its_levels() -> None:
    of = process("levels")
    np.testing.assert_allclose(of.noise(np.array([0.25, 0.5, 0.75, 1.0])), of.sigmas, rtol=1e-6)
    np.testing.assert_allclose(of.noise(np.array([0.3, 0.6])), [0.1, 1.0], rtol=1e-6)
    np.testing.assert_allclose(of.spread(np.array([0.01, 0.25, 0.26, 1.0])), [0.25, 0.25, 0.5, 1])
    assert not hasattr(of, "drift")
    # With many levels, l/L is no binary fraction.
    many = implementation("process", "levels")(sigmas=tuple(range(1, 1001)))
    steps = jnp.arange(1, 1001) / 1000
    np.testing.assert_array_equal(many.noise(steps.astype(jnp.float32)), np.arange(1, 1001))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_shapes_and_batches_of_times(name: str) -> None:
    of, x = process(name), jnp.ones((4, 3))
    times = jnp.linspace(of.first_time, of.last_time, 4)
    assert jax.vmap(of.drift)(x, times).shape == (4, 3)
    for level in (of.signal, of.noise, of.diffusion):
        assert level(times).shape == (4,)
        assert bool(jnp.isfinite(jax.vmap(jax.grad(level))(times)).all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("t", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("name", NAMES)
def test_conversions_give_the_score_of_one_point(name: str, t: float) -> None:
    """All predictions that belong to the same clean point and noise name the same score."""
    of = process(name)
    clean, noise = jnp.array([0.7, -1.2]), jnp.array([0.4, 2.0])
    x = of.signal(t) * clean + of.noise(t) * noise
    expected = -noise / of.noise(t)
    velocity = of.signal(t) * noise - of.noise(t) * clean

    def score(prediction: str, value: Any, **more: Any) -> Any:
        return implementation("fn", f"from_{prediction}")(value, t, process=of, **more)

    np.testing.assert_allclose(score("noise", noise), expected, rtol=1e-12)
    np.testing.assert_allclose(score("denoised", clean, x=x), expected, rtol=1e-9)
    np.testing.assert_allclose(score("velocity", velocity, x=x), expected, rtol=1e-9)
    # Karras et al. 2022, table 1, with their factors as they stand there.
    s, sigma, alpha = of.data_scale, of.noise(t), of.signal(t)
    total = alpha**2 * s**2 + sigma**2
    skip, out = alpha * s**2 / total, sigma * s / np.sqrt(total)
    output = (clean - skip * x) / out
    np.testing.assert_allclose(score("preconditioned", output, x=x), expected, rtol=1e-8)


@pytest.mark.usefixtures("x64")
def test_a_preconditioned_network_has_targets_of_unit_variance() -> None:
    """For data of the scale σ_data, at every level; a wrong σ_data is seen."""
    of, rng = process("edm"), np.random.default_rng(0)

    def variance(scale: float, t: float) -> float:
        clean = scale * rng.standard_normal(200_000)
        x = clean + of.noise(t) * rng.standard_normal(200_000)
        total = 0.25 + of.noise(t) ** 2
        return float(np.var((clean - 0.25 / total * x) * np.sqrt(total) / (of.noise(t) * 0.5)))

    assert all(abs(variance(0.5, t) - 1) < 5 * np.sqrt(2 / 200_000) for t in (0.1, 0.5, 0.9))
    assert abs(variance(1.0, 0.5) - 1) > 0.1


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", NAMES)
def test_levels_are_the_processes_own(name: str) -> None:
    of, t = process(name), 0.3
    level = {n: implementation("fn", n)(t, process=of) for n in ("noise_level", "signal_level")}
    assert level["noise_level"] == of.noise(t)
    assert level["signal_level"] == of.signal(t)
    np.testing.assert_allclose(
        jnp.exp(implementation("fn", "log_noise")(t, process=of)), of.noise(t), rtol=1e-12
    )
    spread = jnp.sqrt((of.data_scale * of.signal(t)) ** 2 + of.noise(t) ** 2)
    np.testing.assert_allclose(
        implementation("fn", "scaled")(jnp.ones(2), t, process=of), 1 / spread, rtol=1e-12
    )

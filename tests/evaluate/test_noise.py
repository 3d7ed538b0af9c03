"""What a score answers about noise: denoising, its risk, bounds and codes, for Gaussian data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.fitted import Fitted
from tests.objectives.models import BARE, DIFFUSION, within

pytestmark = pytest.mark.usefixtures("x64")
N = 20_000
LOC, VARIANCE = 2.0, 0.25
RNG = np.random.default_rng(0)
CLEAN = RNG.normal(LOC, VARIANCE**0.5, size=(N, 1))


def diffusion(process: str = "vp", variance: float = VARIANCE) -> Fitted:
    text = DIFFUSION.replace("vp(beta_min = 0.1, beta_max = 20)", process)
    return dgm.parse(text).with_params({"loc": LOC, "variance": variance})


@pytest.mark.parametrize("process", ["vp", "edm", "levels([0.1, 0.5, 20])"])
def test_tweedie_is_the_posterior_mean_of_a_gaussian(process: str) -> None:
    sigma = 0.5
    noisy = CLEAN[:50] + sigma * RNG.standard_normal((50, 1))
    found = diffusion(process).denoise(noisy, sigma)
    expected = (VARIANCE * noisy + sigma**2 * LOC) / (VARIANCE + sigma**2)
    assert found.kind == "model"
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert not np.allclose(diffusion(process, 0.5).denoise(noisy, sigma), expected, rtol=1e-2)


def test_steins_estimate_has_the_mean_of_the_true_risk() -> None:
    """s²σ²/(s² + σ²) at the truth; of a wrong score as well it is the error, unseen."""
    sigma = 0.5
    noisy = CLEAN + sigma * RNG.standard_normal((N, 1))
    least = VARIANCE * sigma**2 / (VARIANCE + sigma**2)
    assert within(np.asarray(diffusion().denoising_risk(noisy, sigma)), least)
    wrong = diffusion(variance=1.0)
    error = ((np.asarray(wrong.denoise(noisy, sigma)) - CLEAN) ** 2)[:, 0]
    assert within(np.asarray(wrong.denoising_risk(noisy, sigma)) - error, 0.0)
    assert error.mean() > 1.1 * least


def test_a_bare_score_is_taken_at_the_noise_that_it_learned() -> None:
    fit = dgm.parse(BARE).with_params({"a": -np.log(1.0 + 0.25)})
    found = fit.denoise([[1.0, -2.0]], 0.5)
    np.testing.assert_allclose(found, np.array([[1.0, -2.0]]) / 1.25)
    assert "noise 0.5" in found.method


def bound(steps: int) -> float:
    """The mean over data of the chain's bound: E ‖x − x̂‖² = v l²/(v + l²) at each level l."""
    t = np.linspace(1.0, 1e-5, steps + 1)
    elapsed = 0.1 * t + 0.5 * t**2 * 19.9
    alpha, sigma = np.exp(-0.5 * elapsed), np.sqrt(-np.expm1(-elapsed))
    square = (sigma / alpha) ** 2
    error = VARIANCE * square / (VARIANCE + square)
    chain = -0.5 * np.sum((1 / square[1:] - 1 / square[:-1]) * error[:-1])
    kept = alpha[0] ** 2 * (LOC**2 + VARIANCE)
    prior = 0.5 * (sigma[0] ** 2 + kept - 1 - np.log(sigma[0] ** 2))
    last = -0.5 * error[-1] / square[-1] - 0.5 * np.log(2 * np.pi * square[-1])
    return float(chain - prior + last)


def test_the_bound_is_that_of_its_chain() -> None:
    entropy = 0.5 * np.log(2 * np.pi * np.e * VARIANCE)
    found = {k: diffusion().log_prob(CLEAN[:2000], method=f"vlb(steps = {k})") for k in (10, 200)}
    for steps, result in found.items():
        assert result.kind == "bound"
        assert within(np.asarray(result), bound(steps))
    # More steps are nearer; a bound is below; and one chain's is not the other's.
    assert bound(10) < bound(200) < -entropy
    assert not within(np.asarray(found[10]), bound(200))


def test_a_ladder_has_a_bound_and_no_flow() -> None:
    fit = diffusion("levels(geometric(0.01, 20, 200))")
    result = fit.log_prob(CLEAN[:500])
    assert "vlb" in result.method
    entropy = 0.5 * np.log(2 * np.pi * np.e * VARIANCE)
    assert -entropy - 0.3 < np.asarray(result).mean() < -entropy + 5 * 0.7 / np.sqrt(500)
    with pytest.raises(dgm.DgmError):
        fit.encode(CLEAN[:2])


def test_codes_are_the_gaussian_map_and_come_back() -> None:
    fit = diffusion()
    x = np.linspace(0.5, 3.5, 7)[:, None]
    code = fit.encode(x)
    signal = 0.0065715865
    spread = np.sqrt(signal**2 * VARIANCE + 1 - signal**2)
    expected = signal * LOC + spread * (x - LOC) / VARIANCE**0.5
    np.testing.assert_allclose(code, expected, atol=2e-4)
    np.testing.assert_allclose(fit.decode(code), x, atol=1e-5)
    # The way between two codes stays within the data.
    middle: Any = fit.decode(0.5 * (np.asarray(code[:1]) + np.asarray(code[-1:])))
    assert 0.5 < middle[0, 0] < 3.5

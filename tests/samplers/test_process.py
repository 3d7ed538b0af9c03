"""Samplers of a process with the exact score of Gaussian data plugged in."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.registry import implementation
from dgmlang.samplers.reverse import Reverse
from tests.objectives.models import DIFFUSION, ERRORS, arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
LOC, VARIANCE = 2.0, 0.25
AT = {"loc": LOC, "variance": np.log(np.expm1(VARIANCE - 1e-6))}
VP = "vp(beta_min = 0.1, beta_max = 20)"
EDM = "edm(sigma_data = 0.5)"
LADDER = "levels(geometric(0.01, 20, 30))"
FINE = "levels(geometric(0.01, 20, 400))"


def drawn(name, n=20_000, process=VP, **settings):
    lowered = model(DIFFUSION.replace(VP, process))
    sampler = implementation("sampler", name)(lowered, **settings)
    values, info = sampler.draw(arrays(**AT), KEY, n, {})
    assert values["x"].shape == (n, 1)
    return np.asarray(values["x"][:, 0]), float(info["evaluations"])


def off(x):
    """How far mean and variance are off, in standard errors that the error of a step may widen."""
    step = 2e-3
    mean = abs(x.mean() - LOC) / (VARIANCE**0.5 / np.sqrt(len(x)) + step / ERRORS)
    return max(mean, abs(x.var() - VARIANCE) / (VARIANCE * np.sqrt(2 / len(x)) + step / ERRORS))


def test_the_reverse_sde_ends_at_the_data():
    x, evaluations = drawn("sde", steps=1000)
    assert off(x) < ERRORS
    assert evaluations == 1001
    # The twin: too few steps are seen.
    assert off(drawn("sde", steps=10)[0]) > ERRORS


@pytest.mark.parametrize("solver", ["Heun", "EulerHeun"])
def test_diffrax_solves_it_too(solver):
    x, _ = drawn("sde", n=4000, steps=200, solver=solver)
    assert within(x, LOC)
    assert within((x - LOC) ** 2, VARIANCE)


def test_solvers_for_additive_noise_need_fewer_steps():
    x, evaluations = drawn("sde", n=4000, steps=20, solver="ShARK")
    assert evaluations == 41
    assert off(x) < ERRORS < off(drawn("sde", n=4000, steps=20)[0])


def test_steps_adapt_to_the_noise():
    x, evaluations = drawn("sde", n=2000, rtol=3e-2, solver="ShARK", steps=50)
    assert off(x) < ERRORS
    assert 12 < evaluations < 200


@pytest.mark.parametrize("process", [VP, FINE])
def test_ddpm_is_ddim_with_all_noise_fresh(process):
    x, evaluations = drawn("ddim", steps=400, eta=1.0, process=process)
    assert off(x) < ERRORS
    assert evaluations == {VP: 401, FINE: 400}[process]
    assert off(drawn("ddim", steps=10, eta=1.0, process=process)[0]) > ERRORS


def test_a_corrector_mends_what_a_coarse_predictor_does():
    x, evaluations = drawn("pc", n=4000, steps=20, corrector_steps=20)
    assert off(x) < off(drawn("sde", n=4000, steps=20)[0])
    assert evaluations == 421
    assert off(drawn("pc", n=4000, steps=1000)[0]) < ERRORS


def test_norms_of_the_score_would_bias_a_corrector():
    """The paper's step, 2 (r ‖z‖/‖s‖)² of each draw, does not leave N(0, 1) as it is; ours does."""
    x = jax.random.normal(KEY, (20_000,))

    def moved(x, size):
        for i in range(50):
            z = jax.random.normal(jax.random.fold_in(KEY, i), x.shape)
            e = size(x, z)
            x = x - e * x + jnp.sqrt(2 * e) * z
        return np.asarray(x)

    ours = moved(x, lambda x, z: 2 * 0.1**2)
    paper = moved(x, lambda x, z: jnp.minimum(2 * (0.1 * z / x) ** 2, 10.0))
    assert within(ours**2, 1 / (1 - 0.1**2))
    assert not within(paper**2, 1.0)


@pytest.mark.parametrize("process", [LADDER, VP])
def test_annealed_langevin_ends_at_the_data(process):
    x, evaluations = drawn("annealed_langevin", n=4000, process=process, levels=30)
    assert off(x) < ERRORS
    assert evaluations == 3001
    coarse = drawn("annealed_langevin", n=4000, process=process, steps=2, levels=30)[0]
    assert off(coarse) > ERRORS


# ── deterministic samplers: each is a map, and its order shows ───────────────────────────────────


def flow_error(name, process, n=200, **settings):
    """How far x₀ is from μ + s (x₁ − α₁ μ)/√(α₁² s² + σ₁²): a flow of Gaussians keeps quantiles."""
    x, evaluations = drawn(name, n=n, process=process, **settings)
    lowered = model(DIFFUSION.replace(VP, process))
    of = lowered.process
    assert of is not None
    keys = jax.random.split(KEY, n)
    first = keys if name == "ode" else jax.vmap(lambda k: jax.random.split(k)[0])(keys)
    start = np.asarray(jax.vmap(Reverse(lowered, arrays(**AT), {}).start)(first)[:, 0])
    alpha, sigma = float(of.signal(of.last_time)), float(of.noise(of.last_time))
    spread = np.sqrt(alpha**2 * VARIANCE + sigma**2)
    expected = LOC + np.sqrt(VARIANCE) * (start - alpha * LOC) / spread
    return np.abs(x - expected).max(), evaluations


def test_the_flow_is_the_gaussian_map():
    error, evaluations = flow_error("ode", VP, rtol=1e-8, atol=1e-8)
    assert error < 1e-4
    assert evaluations > 100
    # Tsit5 evaluates six times a step; this is a mean over 200 draws.
    assert abs(evaluations * 200 / 6 - round(evaluations * 200 / 6)) < 1e-6


@pytest.mark.parametrize(
    ("name", "settings", "order"),
    [("ddim", {}, 1), ("ode", {"solver": "Euler"}, 1), ("ode", {"solver": "Heun"}, 2)],
)
def test_the_error_falls_at_the_order_of_the_sampler(name, settings, order):
    errors = [flow_error(name, EDM, steps=steps, **settings) for steps in (40, 80)]
    measured = np.log2(errors[0][0] / errors[1][0])
    assert abs(measured - order) < 0.25
    evaluations = {"ddim": 81, "Euler": 80, "Heun": 160}[settings.get("solver", name)]
    assert errors[1][1] == evaluations


def test_heun_with_the_steps_of_karras_needs_few():
    """For as many evaluations as Euler's method."""
    error, evaluations = flow_error("ode", EDM, solver="Heun", steps=18)
    plain, spent = flow_error("ode", EDM, solver="Euler", steps=36)
    assert evaluations == spent == 36
    assert error < 0.7 * plain
    assert flow_error("ode", VP, solver="Heun", steps=40)[0] < 0.02


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


def test_a_solver_by_another_name():
    with pytest.raises(DgmError) as refused:
        drawn("ode", n=1, solver="Tsit55")
    assert refused.value.diagnostics[0].help == "write `Tsit5`"


def test_solvers_of_the_wrong_equation_or_without_an_error():
    for name, solver, code in [
        ("sde", "Tsit5", "DGM0803"), ("ode", "ShARK", "DGM0803"), ("ode", "Euler", "DGM0828"),
    ]:  # fmt: skip
        with pytest.raises(DgmError) as refused:
            drawn(name, n=1, solver=solver)
        assert refused.value.diagnostics[0].code == code


# ── guidance ─────────────────────────────────────────────────────────────────────────────────────

LABELLED = """model Labelled {
  net shift(y: cat(2)?) -> real[1] raw = y |> embed(1)
  given y : cat(2)?
  data x : real[1]
  score x at t under vp = -(x - signal_level(t) * shift(y))
}"""
"""Unit Gaussians whose mean is −1 or 2 by the label, and 0.5 without: table [[−1], [2], [0.5]]."""


def labelled(sampler, given):
    table = np.asarray([[-1.0], [2.0], [0.5]], np.float32)
    fit = dgm.parse(LABELLED).with_params({"shift": {"embed": {"table": table}}})
    return fit.sample(4000, given=given, sampler=sampler)


def test_guidance_moves_away_from_what_the_label_does_not_say():
    """(1 + w) s(x | y) − w s(x) takes the mean to m + w (m − ½), and without a label nowhere."""
    for sampler in ("ddim(steps = 100, guidance = 2)", "sde(steps = 200, guidance = 2)"):
        x = labelled(sampler, {"y": 1})
        assert abs(np.asarray(x).mean() - (2 + 2 * 1.5)) < 5 / np.sqrt(4000) + 0.02
        assert "not the model's law" in x.method
    assert abs(np.asarray(labelled("ddim(steps = 100)", {"y": 1})).mean() - 2) < 0.1
    absent = labelled("ddim(steps = 100, guidance = 2)", {})
    assert abs(np.asarray(absent).mean() - 0.5) < 0.1
    assert "202 evaluations" in absent.method


def test_guidance_without_a_label_to_leave_out():
    fit = dgm.parse(DIFFUSION).with_params({})
    with pytest.raises(DgmError) as refused:
        fit.sample(2, sampler="sde(guidance = 1)")
    assert refused.value.diagnostics[0].code == "DGM0435"

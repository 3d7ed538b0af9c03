"""Weightings and times of denoising: each loss against quadrature over noise levels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.noise_levels import TIMES, WEIGHTINGS, times, weighting
from dgmlang.registry import implementation
from tests.objectives.models import DIFFUSION, arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
N = 40_000
LOC, VARIANCE = 2.0, 0.25
AT = {"loc": LOC, "variance": np.log(np.expm1(VARIANCE - 1e-6))}
VP = implementation("process", "vp")(beta_min=0.1, beta_max=20.0)
EDM = implementation("process", "edm")(sigma_data=0.5, sigma_min=0.002, sigma_max=80.0)
LADDER = implementation("process", "levels")(sigmas=(0.1, 1.0, 10.0))
FLAT = ("stratified", "uniform", "importance")


def losses(program: str = DIFFUSION, n: int = N, **settings: Any) -> np.ndarray:
    """The loss of each of n examples at the true score."""
    data = np.random.default_rng(0).normal(LOC, VARIANCE**0.5, size=(n, 1))
    objective = implementation("objective", "dsm")(model(program), **settings)
    return np.asarray(objective.validate(arrays(**AT), arrays(x=data), jax.random.key(0)))


def weight(name: str, t: float) -> float:
    """The papers' weights of ½ ‖s − s*‖², times σ² for ½ ‖ε̂ − ε‖²; β from 0.1 to 20."""
    alpha, sigma = float(VP.signal(t)), float(VP.noise(t))
    snr = (alpha / sigma) ** 2
    beta = 0.1 + 19.9 * t
    clean = sigma**2 / alpha**2  # of ‖x̂ − x₀‖² in ‖ε̂ − ε‖²
    return {
        "uniform": 1 / sigma**2,
        "variance": 1.0,
        "likelihood": beta / sigma**2,
        "min_snr": min(snr, 5.0) / snr,
        "edm": (clean + 1.0) / clean * clean,
    }[name]


def left(t: float) -> float:
    """½ E(ε̂ − ε)² at the true score: what no network can predict."""
    alpha, sigma = float(VP.signal(t)), float(VP.noise(t))
    return 0.5 * alpha**2 * VARIANCE / (alpha**2 * VARIANCE + sigma**2)


def mean(name: str) -> float:
    """By quadrature over log t, which sees the levels near the data."""

    def each(u: float) -> float:
        t = float(np.exp(u))
        return t * weight(name, t) * left(t)

    return quad(each, np.log(1e-5), 0.0, limit=400, epsrel=1e-8)[0]


@pytest.mark.parametrize("name", ["variance", "min_snr", "edm"])
@pytest.mark.parametrize("when", FLAT)
def test_every_law_of_times_has_the_mean_of_uniform_ones(name: str, when: str) -> None:
    found = losses(weighting=name, times=when)
    assert within(found, mean(name))
    assert not within(1.2 * found, mean(name))


@pytest.mark.parametrize("name", ["likelihood", "uniform"])
def test_weights_that_grow_without_bound_are_seen_by_importance(name: str) -> None:
    assert within(losses(weighting=name, times="importance"), mean(name))


def test_importance_takes_the_variance_of_the_likelihood_away() -> None:
    spread = {when: losses(weighting="likelihood", times=when).var() for when in FLAT}
    assert spread["importance"] < 0.1 * spread["stratified"]


def test_strata_take_variance_away() -> None:
    def mean_of_times(when: str) -> float:
        keys = jax.random.split(jax.random.key(1), 500)
        return float(jax.vmap(lambda k: times(VP, when)[1](VP, k, 64).t.mean())(keys).var())

    assert mean_of_times("stratified") < 2 / 64 * mean_of_times("uniform")


def test_lognormal_times_are_those_of_karras() -> None:
    t = times(EDM, "auto")[1](EDM, jax.random.key(0), N).t
    found = np.log(np.asarray(EDM.noise(t)))
    assert within(found, -1.2)
    assert within((found + 1.2) ** 2, 1.44)
    assert not within(found, -1.1)


def test_edm_weighs_as_karras() -> None:
    """(σ² + σ_data²)/(σ σ_data)² ‖x̂ − x₀‖², so a useless network's loss is 1 at each level."""
    t = jnp.asarray([0.1, 0.5, 0.9])
    sigma = np.asarray(EDM.noise(t))
    found = jax.vmap(lambda t: weighting(EDM, "auto")[1](EDM, t))(t)
    np.testing.assert_allclose(found / sigma**2, (sigma**2 + 0.25) / (sigma * 0.5) ** 2)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weightings_are_finite_over_all_times(name: str) -> None:
    for process in (VP, EDM):
        ends = jnp.asarray([process.first_time, process.last_time])
        assert np.isfinite(jax.vmap(lambda t: WEIGHTINGS[name](process, t))(ends)).all()  # noqa: B023


def test_a_ladder_has_no_rate() -> None:
    assert set(np.asarray(times(LADDER, "auto")[1](LADDER, jax.random.key(0), 64).t)) == {
        1 / 3, 2 / 3, 1.0,
    }  # fmt: skip
    for find, name in ((weighting, "likelihood"), (times, "importance"), (times, "lognormal")):
        with pytest.raises(DgmError) as refused:
            find(LADDER, name)
        assert refused.value.diagnostics[0].code == "DGM0803"


def test_the_quantity_says_how_levels_count() -> None:
    objective = implementation("objective", "dsm")
    assert "(variance, stratified)" in objective(model(DIFFUSION)).quantity
    assert "(min_snr, uniform)" in objective(
        model(DIFFUSION), weighting="min_snr", times="uniform"
    ).quantity  # fmt: skip
    assert set(TIMES) == {*FLAT, "lognormal"}


LABELLED = """model Labelled {
  net f(x: real[2], y: cat(3)?) -> real[2] = concat(x, y |> embed(2))
  given y : cat(3)?
  data x : real[2]
  score x at t under vp = f(x, y)
}"""


def test_labels_are_dropped_at_the_rate_that_is_asked() -> None:
    from dgmlang.objectives.dsm import without_some

    lowered = model(LABELLED)
    batch = {"x": jnp.zeros((N, 2)), "y": jnp.arange(N) % 3}
    seen = np.asarray(without_some(lowered, jax.random.key(0), batch, 0.1)["y"])
    assert within(seen == -1, 0.1)
    assert not within(seen == -1, 0.12)
    assert (seen == np.arange(N) % 3)[seen != -1].all()
    assert (without_some(lowered, jax.random.key(0), batch, 0.0)["y"] == batch["y"]).all()


@pytest.mark.parametrize(
    ("program", "objective", "why"),
    [
        (DIFFUSION, "dsm(sigma = 0.5)", "the score is under a process"),
        (DIFFUSION, "dsm(drop = 0.5)", "no optional given"),
        ("model M { param a : real\n data x : real[1]\n score x = -a * x }",
         "dsm(weighting = edm)", "no score under a noising process"),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(program: str, objective: str, why: str) -> None:
    with pytest.raises(DgmError) as refused:
        dgm.parse(program).fit(np.zeros((8, 1)), objective=objective, steps=1)
    found = refused.value.diagnostics[0]
    assert found.code == "DGM0435"
    assert why in found.why[0]

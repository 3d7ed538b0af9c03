"""What chains tell of themselves, against ArviZ, and on chains that mix and chains that do not."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.registry import implementation
from dgmlang.runtime.progress import Silent
from dgmlang.samplers.mixing import bulk_ess, diagnosed, split_r_hat
from dgmlang.samplers.watched import watched
from tests.objectives.models import arrays, example

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that the next version will be another one
    import arviz as az

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def autoregressive(chains: int, length: int, apart: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.standard_t(3, size=(chains, length))
    for t in range(1, length):
        x[:, t] += 0.7 * x[:, t - 1]
    return x + apart * np.arange(chains)[:, None]


@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_the_numbers_are_arviz_s(apart: float) -> None:
    trace = autoregressive(4, 101, apart)
    assert split_r_hat(trace) == pytest.approx(float(az.rhat(trace, method="rank")), rel=1e-6)
    assert bulk_ess(trace) == pytest.approx(float(az.ess(trace, method="bulk")), rel=0.1)


def test_advice_names_what_is_wrong() -> None:
    def of(apart: float, **facts: float) -> str:
        trace = {"energy": autoregressive(4, 100, apart)}
        found = diagnosed(trace, facts, 200, "sweeps", ("temper",))
        assert found is not None
        return found.advice

    assert of(0.0) == of(0.0, acceptance=0.5) == ""
    assert "raise `sweeps`, or draw by `temper`" in of(3.0)
    assert "smaller steps" in of(0.0, acceptance=0.02)
    assert diagnosed({"x": np.ones((4, 100))}, {}, 200, "steps", ()) is None


class Seen(Silent):
    """What a progress bar is told."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def show(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)


def test_a_watched_run_draws_what_an_unwatched_one_does() -> None:
    sampler, params = (
        implementation("sampler", "gibbs")(example("ising", side=4), sweeps=37),
        {"J": arrays(J=0.3)["J"]},
    )
    key, seen = jax.random.key(3), Seen()
    found = watched(sampler, params, key, 6, {}, seen)
    alone, _ = sampler.draw(params, key, 6, {})
    assert np.array_equal(found.values["s"], alone["s"])
    assert found.traces["log density"].shape[0] == 6
    assert seen.steps[-1] == 37
    assert seen.steps == sorted(seen.steps)


def test_draws_carry_what_their_chains_tell() -> None:
    model = dgm.load(EXAMPLES / "ising.dgm", side=8)

    def told(coupling: float):
        found = model.with_params({"J": coupling}).sample(20, sampler="gibbs(sweeps = 400)")
        assert found.diagnostics is not None
        return found.diagnostics

    warm, cold = told(0.2), told(0.9)
    assert warm.mixed
    assert warm.chains == 20
    # The twin: cold lattices stay in the half of the states where they began.
    assert cold.r_hat["mean of s"] > 1.5
    assert "temper" in cold.advice
    assert "ESS" in str(cold)
    fixed = dgm.parse("model M { data x : real ~ Normal(0, 1) }").with_params({})
    assert fixed.sample(3).diagnostics is None


def test_no_sampler_is_advised_to_itself() -> None:
    """Two modes that tempering at hardly more than 1 does not cross either."""
    law = "model Two {\n  data x : real\n  energy (x ** 2 - 36) ** 2 / 40\n}"
    drawn = (
        dgm.parse(law)
        .with_params({})
        .sample(64, sampler="temper(steps = 60, levels = 2, hottest = 1.01, warmup = 20)")
    )
    told = drawn.diagnostics
    assert told is not None
    assert "not mixed" in told.advice
    assert "temper" not in told.advice
    cold = dgm.parse(law).with_params({}).sample(64, sampler="mala(steps = 60, warmup = 20)")
    assert cold.diagnostics is not None
    assert "temper" in cold.diagnostics.advice

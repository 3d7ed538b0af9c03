"""The numbers beside a contrastive loss, against enumeration."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, logsumexp

import dgmlang as dgm
from dgmlang.objectives import monitors
from dgmlang.registry import implementation
from tests.objectives.models import RBM, arrays, bits, model, rbm_params

pytestmark = pytest.mark.usefixtures("x64")
SEEN, HELD = bits(4)[[1, 6, 15, 8]], bits(4)[[3, 5, 12]]


def watched(objective: str = "pcd", **values: Any) -> dict[str, float]:
    watch = implementation("objective", objective)(model(RBM)).watch
    held = arrays(**({"v": HELD} | values))
    found = watch(rbm_params(), arrays(v=SEEN), held, jax.random.key(0))
    return {name: float(value) for name, value in found.items()}


def free_energy(v: np.ndarray) -> np.ndarray:
    p = {name: np.asarray(array) for name, array in rbm_params().items()}
    return -(v @ p["b"] + np.logaddexp(0, v @ p["W"] + p["c"]).sum(1))


@pytest.mark.parametrize("objective", ["cd", "pcd"])
def test_the_gap_and_log_p_are_the_enumerated(objective: str) -> None:
    found = watched(objective)
    gap = free_energy(HELD).mean() - free_energy(SEEN).mean()
    assert found["valid.free_energy_gap"] == pytest.approx(gap)
    log_p = -free_energy(HELD).mean() - float(np.asarray(logsumexp(-free_energy(bits(4)))))
    assert found["valid.log_p"] == pytest.approx(log_p)
    assert watched(objective, v=SEEN)["valid.free_energy_gap"] == pytest.approx(0.0)


def test_a_second_look_compiles_nothing() -> None:
    lowered = model(RBM)
    watch = implementation("objective", "pcd")(lowered).watch
    compiled: Any = (monitors._free_energy, monitors._log_sum)
    before = [f._cache_size() for f in compiled]
    looks = [
        watch(rbm_params(), arrays(v=SEEN), arrays(v=HELD), jax.random.key(seed)) for seed in (0, 1)
    ]
    assert looks[0]["valid.log_p"] == looks[1]["valid.log_p"]
    # The free energy has two shapes, of the data seen and of those held out.
    assert [f._cache_size() - n for f, n in zip(compiled, before, strict=True)] == [2, 1]


def test_reconstruction_is_one_sweep_away() -> None:
    p = {name: np.asarray(array) for name, array in rbm_params().items()}
    h = bits(p["c"].size)
    up = expit(HELD @ p["W"] + p["c"])
    chances = np.where(h[None] > 0, up[:, None], 1 - up[:, None]).prod(-1)
    down = expit(h @ p["W"].T + p["b"])
    apart = np.abs(down[None] - HELD[:, None]).mean(-1)
    truth = float((chances * apart).sum(1).mean())
    many = watched(v=np.tile(HELD, (3000, 1)))["valid.reconstruction"]
    # An entry is a bit, so the mean over 9000 pictures of 4 errs by at most ½/√9000.
    error = 0.5 / np.sqrt(9000)
    assert abs(many - truth) < 5 * error
    # The twin: latents that are noise, and not drawn given the data.
    assert abs(float(np.abs(down[None] - HELD[:, None]).mean()) - truth) > 5 * error


def test_a_large_sum_is_annealed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = watched()["valid.log_p"]
    monkeypatch.setattr(monitors, "SUMMED", 1)
    found = watched()
    assert "valid.log_p" not in found
    assert found["valid.log_p_by_ais"] == pytest.approx(exact, abs=0.2)
    assert found["valid.log_p_by_ais"] != exact


def test_no_loss_of_chains_is_called_a_likelihood_and_monitors_stand_beside_it() -> None:
    data = bits(4)[np.random.default_rng(0).integers(0, 16, 60)]
    fit = dgm.parse(RBM).fit(data, objective="pcd", steps=20, valid=HELD, seed=1)
    assert "not a likelihood" in fit.quantity
    last = fit.history[-1].values
    assert {"loss", "energy_gap", "valid.free_energy_gap", "valid.log_p"} < set(last)
    assert "valid" not in last
    assert last["valid.log_p"] == pytest.approx(float(fit.log_prob(HELD).mean()), abs=1e-4)
    # Without data held out nothing is measured, and nothing is selected by what is.
    assert (
        "valid.log_p" not in dgm.parse(RBM).fit(data, objective="pcd", steps=20).history[-1].values
    )
    with pytest.raises(dgm.DgmError, match="patience"):
        dgm.parse(RBM).fit(data, objective="pcd", steps=20, valid=HELD, patience=2)


def test_terms_of_a_sum_keep_their_monitors() -> None:
    data = {"y": np.arange(6) % 3, "x": bits(2)[[0, 1, 2, 3, 1, 2]]}
    text = """model JEM {
      param w : real[3, 2]
      data y : cat(3)
      data x : bit[2]
      energy -(w @ x)[y]
    }"""
    fit = dgm.parse(text).fit(data, objective="pcd + discriminate(y)", steps=10, valid=data)
    last = fit.history[-1].values
    assert last["valid.free_energy_gap"] == pytest.approx(0.0, abs=1e-6)
    assert not jnp.isnan(jnp.asarray(list(last.values()))).any()

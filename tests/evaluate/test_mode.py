"""The most likely state against enumeration, Viterbi by hand, and the exact minimum cut."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

import dgmlang as dgm
from dgmlang.evaluate.highest import search

pytestmark = pytest.mark.usefixtures("x64")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

POTTS = {"q": 3, "side": 3, "J": 0.7}
MIXED = """model Mixed {
  param w : real[2]
  data v : spin[2]
  latent h : cat(3)[2]
  energy -sum((h == 1) * w * v) - 0.3 * sum(h == 2) - 0.1 * sum(v)
}"""
HMM = """model HMM {
  param start : simplex(2)
  param step  : simplex(2)[2]
  param emit  : simplex(3)[2]
  for t in 0..6 {
    latent s[t] : cat(2) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : cat(3) ~ Categorical(emit[s[t]])
  }
}"""


def example(name: str, params: dict[str, Any] | None = None, **hypers: Any) -> dgm.Fitted:
    return dgm.load(EXAMPLES / f"{name}.dgm", **hypers).with_params(params or {})


def noisy(side: int, share: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    picture = np.where(np.add.outer(np.arange(side), np.arange(side)) % 6 < 3, 1.0, -1.0)
    return picture * np.where(rng.random((side, side)) < share, -1.0, 1.0)


def least_energy(x: np.ndarray, coupling: int, field: int) -> int:
    """The ferromagnet's ground state by a minimum cut (Greig, Porteous & Seheult 1989)."""
    side, sites = x.shape[0], x.size
    number = np.arange(sites).reshape(side, side)
    source, sink = sites, sites + 1
    edges: list[tuple[Any, Any, int]] = []
    for axis in (0, 1):
        pairs = zip(number.flat, np.roll(number, -1, axis).flat, strict=True)
        edges += [e for i, j in pairs for e in ((i, j, 2 * coupling), (j, i, 2 * coupling))]
    for i, up in zip(number.flat, x.flat, strict=True):
        edges.append((source, i, 2 * field) if up > 0 else (i, sink, 2 * field))
    rows, columns, capacities = np.array(edges).T
    graph = coo_array((capacities, (rows, columns)), (sites + 2, sites + 2)).tocsr()
    flow = maximum_flow(graph.astype(np.int32), source, sink).flow_value
    return int(flow) - (2 * coupling + field) * sites


@pytest.mark.parametrize("coupling", [1, 2])
def test_annealing_finds_the_minimum_cut(coupling: int) -> None:
    fit, x = example("ising_denoise", side=12, J=float(coupling), η=1.0), noisy(12, 0.2)
    found = fit.mode({"x": x}, method="anneal(steps = 400)")
    assert found.shape == (1, 12, 12)
    assert found.kind == "estimate"
    truth = least_energy(x, coupling, 1)

    def energy(y: np.ndarray) -> float:
        return float(fit.energy({"x": x[None], "y": y})[0])

    assert energy(found) == truth
    # The twin: from one start without annealing a local minimum is left.
    assert energy(fit.mode({"x": x}, method="icm(starts = 1)")) > truth


def states(levels: list[tuple[float, ...]]) -> np.ndarray:
    return np.array(list(product(*levels)))


def test_exact_is_the_best_of_all_states() -> None:
    fit = example("ising_denoise", side=3, J=0.4, η=0.7)
    x = np.where(np.random.default_rng(0).random((5, 3, 3)) < 0.5, -1.0, 1.0)
    found = fit.mode({"x": x})
    every = states([(-1.0, 1.0)] * 9).reshape(-1, 3, 3)
    assert found.kind == "exact"
    for one, y in zip(x, found, strict=True):
        energies = fit.energy({"x": np.tile(one, (len(every), 1, 1)), "y": every})
        at_mode = float(fit.energy({"x": one[None], "y": y[None]})[0])
        assert at_mode == pytest.approx(float(np.min(energies)), abs=1e-9)


def test_exact_with_levels_and_a_block_at_its_mode() -> None:
    w = np.random.default_rng(1).normal(size=2)
    fit = dgm.parse(MIXED).with_params({"w": w})
    found = fit.mode()
    lowered = fit.model.lowered

    def energy(v: Any, h: Any) -> float:
        values = {"v": jnp.asarray(v), "h": jnp.asarray(h, jnp.int32)}
        return float(lowered.energy(fit.raw, values))

    least = min(energy(v, h) for v in states([(-1.0, 1.0)] * 2) for h in states([(0, 1, 2)] * 2))
    assert energy(found["v"][0], found["h"][0]) == pytest.approx(least)
    plan = search(lowered, ())
    assert plan is not None
    assert plan.states == 4  # the levels are a block, which is at its mode given the spins
    # Part of the joint state held: the rest is at its best given that.
    held = fit.mode({"v": -found["v"][0]})
    assert held.shape == (1, 2)
    assert held.tolist() != found["h"].tolist()


@pytest.mark.parametrize("method", ["anneal(steps = 200)", "icm(starts = 20)"])
def test_a_search_of_colours_finds_what_enumeration_does(method: str) -> None:
    fit = example("potts", **POTTS)
    found = fit.mode(method=method)
    # All pairs agree at the least energy, which the search of 3^6 states and a colour ends in too.
    assert len(np.unique(found)) == 1
    assert len(np.unique(fit.mode(method="exact"))) == 1


def test_a_chain_by_viterbi() -> None:
    """Against all 64 paths; the most likely state of each turn by itself is another path."""
    start, step = np.array([0.7, 0.3]), np.array([[0.2, 0.8], [0.9, 0.1]])
    emit = np.array([[0.4, 0.3, 0.3], [0.45, 0.18, 0.37]])
    fit = dgm.parse(HMM).with_params({"start": start, "step": step, "emit": emit})
    x, paths = np.array([0, 1, 2, 0, 2, 1]), states([(0, 1)] * 6).astype(int)
    logs = np.log(start[paths[:, 0]]) + np.log(emit[paths, x]).sum(1)
    logs += np.log(step[paths[:, :-1], paths[:, 1:]]).sum(1)
    found = fit.mode({"x": x[None]})
    assert found.kind == "exact"
    assert found[0].tolist() == paths[np.argmax(logs)].tolist()
    weights = np.exp(logs)
    assert found[0].tolist() != (weights @ paths / weights.sum() > 0.5).astype(int).tolist()


def test_a_gaussian_is_at_its_mean() -> None:
    text = """model Pair {
      data x : real
      data y : real
      energy x ** 2 - x * y + y ** 2 - x
    }"""
    fit = dgm.parse(text).with_params({})
    found = fit.mode()
    assert [float(found[n][0]) for n in "xy"] == pytest.approx([2 / 3, 1 / 3])
    assert float(fit.mode({"y": 3.0})[0]) == pytest.approx(2.0)


def test_reals_come_to_rest_beside_bits() -> None:
    """A Gaussian RBM: given the hidden bits, v = b + W h."""
    rng = np.random.default_rng(2)
    params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=3), "c": rng.normal(size=2)}
    fit = example("gaussian_rbm", params, visible=3, hidden=2)
    found = fit.mode(method="anneal(steps = 100)")
    h = states([(0.0, 1.0)] * 2)
    v = params["b"] + h @ params["W"].T
    logs = h @ params["c"] + (v**2 - params["b"] ** 2).sum(1) / 2
    assert found["h"][0] == pytest.approx(h[np.argmax(logs)])
    assert found["v"][0] == pytest.approx(v[np.argmax(logs)], abs=1e-6)

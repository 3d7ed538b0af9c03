"""Layers against their equations, written out entry by entry in NumPy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, softmax

from dgmlang.layers.layer import Site
from dgmlang.layers.wavenet import WaveNet
from dgmlang.registry import implementation

RNG = np.random.default_rng(0)
T, N, WIDTH = 6, 3, 5


def layer(name: str, settings: dict[str, Any], site: Site) -> tuple[Any, Any]:
    """The layer, and parameters none of which is at a special value."""
    built = implementation("layer", name)(settings, site)
    params = built.init(np.random.default_rng(1))
    return built, jax.tree.map(lambda leaf: leaf + 0.3 * RNG.normal(size=leaf.shape), params)


def gru_turn(p: Any, state: np.ndarray, x: np.ndarray) -> np.ndarray:
    k, u = (np.split(p[name], 3, axis=1) for name in ("kernel", "recurrent"))
    reset, update = (expit(x @ k[i] + state[0] @ u[i] + p["bias"][i]) for i in range(2))
    new = np.tanh(x @ k[2] + p["bias"][2] + reset * (state[0] @ u[2]))
    return np.stack([(1 - update) * new + update * state[0], state[1]])


def lstm_turn(p: Any, state: np.ndarray, x: np.ndarray) -> np.ndarray:
    k, u = (np.split(p[name], 4, axis=1) for name in ("kernel", "recurrent"))
    enter, forget, show, new = (x @ k[i] + state[0] @ u[i] + p["bias"][i] for i in range(4))
    cell = expit(forget) * state[1] + expit(enter) * np.tanh(new)
    return np.stack([expit(show) * np.tanh(cell), cell])


TURNS = {"gru": gru_turn, "lstm": lstm_turn}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("both_ways", [False, True])
def test_a_recurrent_layer_is_its_turns(name: str, both_ways: bool) -> None:
    built, params = layer(name, {"width": WIDTH, "both_ways": both_ways}, Site((T, N)))
    x = RNG.normal(size=(T, N))

    def run(p: Any, rows: np.ndarray) -> np.ndarray:
        state, shown = np.zeros((2, p["bias"].shape[1])), []
        for row in rows:
            state = TURNS[name](p, state, row)
            shown.append(state[0])
        return np.array(shown)

    if both_ways:
        back = run(params["backwards"], x[::-1])[::-1]
        truth = np.concatenate([run(params["forwards"], x), back], axis=1)
    else:
        truth = run(params, x)
    np.testing.assert_allclose(built(params, jnp.asarray(x)), truth, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_nade_is_its_conditionals() -> None:
    built, params = layer("nade", {"hidden": 4}, Site((T,)))
    head = built.head((T, 2))
    last = head.init(np.random.default_rng(2))
    x = RNG.integers(0, 2, T)
    truth = [
        expit(params["bias"] + x[:i] @ params["kernel"][:i]) @ last["kernel"][i] + last["bias"][i]
        for i in range(T)
    ]
    np.testing.assert_allclose(head(last, built(params, jnp.asarray(x))), truth, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_wavenet_is_its_gated_sums() -> None:
    built, params = layer("wavenet", {"channels": 4, "dilations": [1, 3]}, Site((T, N)))
    x = RNG.normal(size=(T, N))
    assert isinstance(built, WaveNet)

    def affine(p: Any, row: np.ndarray) -> np.ndarray:
        return row @ p["kernel"] + p["bias"]

    rows = [affine(params["enter"], row) for row in x]
    shown = np.zeros((T, 4))
    for i, dilation in enumerate([1, 3]):
        block, after = params[str(i)], []
        for t in range(T):
            before = rows[t - dilation] if t >= dilation else np.zeros(4)
            sums = affine(block["gates"], np.concatenate([before, rows[t]]))
            out = affine(block["out"], np.tanh(sums[:4]) * expit(sums[4:]))
            after.append(rows[t] + out[:4])
            shown[t] += out[4:]
        rows = after
    np.testing.assert_allclose(built(params, jnp.asarray(x)), shown * expit(shown), rtol=1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("name", "context"), [("transformer", None), ("transformer", (4, 7)), ("encoder", None)]
)
def test_a_transformer_is_attention_position_by_position(
    name: str, context: tuple[int, int] | None
) -> None:
    given = {"context": context} if context else {}
    built, params = layer(name, {"layers": 2, "heads": 2}, Site((T, 4), inputs=given))
    x, other = RNG.normal(size=(T, 4)), RNG.normal(size=context or (1, 1))

    def norm(p: Any, row: np.ndarray) -> np.ndarray:
        return (row - row.mean()) / np.sqrt(row.var() + 1e-5) * p["scale"] + p["shift"]

    def attend(p: Any, row: np.ndarray, rows: np.ndarray) -> np.ndarray:
        query, keys, values = row @ p["query"], rows @ p["key"], rows @ p["value"]
        halves = [slice(0, 2), slice(2, 4)]
        mixed = [softmax(keys[:, h] @ query[h] / np.sqrt(2)) @ values[:, h] for h in halves]
        return np.concatenate(mixed) @ p["out"]

    rows = x + params["positions"]
    for i in range(2):
        p = params[str(i)]
        normed = np.array([norm(p["attention"]["norm"], row) for row in rows])
        ends = [t + 1 if name == "transformer" else T for t in range(T)]
        own = [attend(p["attention"], normed[t], normed[: ends[t]]) for t in range(T)]
        rows = rows + own
        if context:
            cross = [attend(p["across"], norm(p["across"]["norm"], row), other) for row in rows]
            rows = rows + cross
        for t, row in enumerate(rows):
            d = p["dense"]
            hidden = norm(d["norm"], row) @ d["in"]["kernel"] + d["in"]["bias"]
            rows[t] = row + np.asarray(jax.nn.gelu(hidden)) @ d["out"]["kernel"] + d["out"]["bias"]
    truth = [norm(params["norm"], row) for row in rows]
    inputs = {"context": jnp.asarray(other)} if context else {}
    np.testing.assert_allclose(built(params, jnp.asarray(x), **inputs), truth, rtol=1e-9)


def test_a_unet_reads_its_time_and_condition() -> None:
    site = Site((4, 4, 1), inputs={"time": (), "condition": (3,)})
    built, params = layer("unet", {"channels": [4, 8]}, site)
    x = jnp.asarray(RNG.normal(size=(4, 4, 1)), jnp.float32)

    def run(time: Any, condition: Any) -> Any:
        return built(params, x, time=time, condition=condition)

    for argument in (0, 1):
        slopes = jax.jacobian(run, argument)(jnp.asarray(0.3), jnp.ones(3))
        assert bool((jnp.abs(slopes).reshape(16, -1) > 0).all())

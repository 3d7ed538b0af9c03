"""Greys as numbers: k of K levels is k/(K − 1) in arithmetic, in layers and in nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dgmlang as dgm

TEXT = """model Greys(K: int = 5) {
  param w : real
  given g : grey(K)[2]
  net e(g: grey(K)[2]) -> real = g
  net d(g: grey(K)[2]) -> real = g |> flatten |> mlp([3])
  net c(g: grey(K)[2]) -> real = g |> embed(2) |> flatten
  data x : real ~ Normal(w * sum(g) + e(g) + d(g) + c(g), 1)
}"""
G = np.array([[0, 4], [2, 1]])
SCALED = G / 4


@pytest.fixture(scope="module")
def greys() -> dgm.Fitted:
    return dgm.parse(TEXT).with_params({"w": 2.0})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(g)", SCALED.sum(1)),
        ("2 * g", 2 * SCALED),
        ("g[0] if w > 0 else 0.5", SCALED[:, 0]),
        ("[g[0], 0.5]", np.stack([SCALED[:, 0], [0.5, 0.5]], 1)),
        ("concat(g, 0.5)", np.concatenate([SCALED, [[0.5], [0.5]]], 1)),
        ("[g[1], g[0]]", G[:, ::-1]),  # no number among them: they stay levels
        ("one_hot(g[0])", np.eye(5)[G[:, 0]]),
    ],
)
def test_expressions(greys: dgm.Fitted, text: str, expected: Any) -> None:
    assert np.allclose(greys.value(text, g=G), expected)


def test_layers_see_numbers_and_embeddings_see_levels(greys: dgm.Fitted) -> None:
    params = greys.params
    head = params["e"]["head"]
    assert np.allclose(greys.nets.e(G), SCALED @ head["kernel"][:, 0] + head["bias"], atol=1e-6)
    # The twin: with levels for numbers it is another function.
    assert not np.allclose(greys.nets.e(G), G @ head["kernel"][:, 0] + head["bias"], atol=1e-3)
    hidden = params["d"]["mlp"]["0"]
    z = SCALED @ hidden["kernel"] + hidden["bias"]
    head = params["d"]["head"]
    swish = z / (1 + np.exp(-z))
    assert np.allclose(greys.nets.d(G), swish @ head["kernel"][:, 0] + head["bias"], atol=1e-5)
    (rows,) = params["c"]["embed"].values()
    flat = np.asarray(rows)[G].reshape(2, -1)
    head = params["c"]["head"]
    assert np.allclose(greys.nets.c(G), flat @ head["kernel"][:, 0] + head["bias"], atol=1e-5)


LOCATION = """model Location(K: int) {
  given g : grey(K)
  param s : positive
  data x : real ~ Normal(g, s)
}"""


def test_a_location_is_a_number() -> None:
    drawn = dgm.parse(LOCATION, K=256).with_params({"s": 1e-4}).sample(4, given={"g": 51})
    assert np.allclose(drawn, 0.2, atol=1e-2)


def test_an_open_number_of_levels_checks() -> None:
    assert dgm.parse(LOCATION).open == ("K",)

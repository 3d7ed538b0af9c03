"""Models without data explain themselves: their queries are unavailable, and say why."""

from __future__ import annotations

import pytest

import dgmlang as dgm

BODIES = (
    "",
    "param w : real",
    "given c : real",
    "latent z : count ~ Poisson(2)",
    "latent z : real\n energy z ** 4",
    "latent z : real\n score z = -z",
)


@pytest.mark.parametrize("body", BODIES)
def test_a_model_without_data_says_so(body: str) -> None:
    said = str(dgm.parse(f"model M {{\n {body}\n}}").explain())
    assert "the model has no data" in said

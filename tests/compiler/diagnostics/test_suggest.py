from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmlang.compiler.diagnostics.suggest import edit_distance, suggest

NAMES = ["latent", "data", "Normal", "LogNormal", "loc", "x"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("lantent", "latent"),
        ("latnet", "latent"),
        ("dat", "data"),
        ("normal", "Normal"),
        ("NORMAL", "Normal"),
        ("LgNormal", "LogNormal"),
        ("X", "x"),
        ("y", None),
        ("scale", None),
        ("", None),
    ],
)
def test_nearest_name(name: str, nearest: str | None) -> None:
    assert suggest(name, NAMES) == nearest


def test_of_equals_the_first() -> None:
    assert suggest("lat", ["bat", "cat"]) == "bat"


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_a_distance(a: str, b: str) -> None:
    d = edit_distance(a, b)
    assert d == edit_distance(b, a)
    assert (d == 0) == (a == b)
    assert abs(len(a) - len(b)) <= d <= max(len(a), len(b))

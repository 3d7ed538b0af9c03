"""Every extern that is not planned has exactly one implementation, and the other way round."""

from __future__ import annotations

import pytest

from dgmlang.compiler.library import library
from dgmlang.registry import implementation, implemented, implements

KINDS = (
    "fn",
    "activation",
    "order",
    "layer",
    "bijection",
    "transform",
    "mask",
    "solver",
    "adjoint",
    "dist",
    "process",
)


@pytest.mark.parametrize("kind", KINDS)
def test_externs_and_implementations_are_the_same(kind: str) -> None:
    declared = {n for n, e in library().externs[kind].items() if not e.has("planned")}
    assert declared == {name for _, name in implemented(kind)}


def test_a_second_implementation_is_refused() -> None:
    implementation("layer", "dense")
    with pytest.raises(ValueError, match="layer dense has two"):
        implements("layer", "dense")(object())

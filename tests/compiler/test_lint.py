"""Lints, and their waivers."""

from __future__ import annotations

import pytest

from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.source import Source


def warnings(chain: str, size: int, comment: str = "", above: str = "") -> list[str]:
    text = f"model M {{\n{above}\n  data x : real[{size}] ~ Normal(0, 1) |> {chain} {comment}\n}}"
    return [d.code for d in compile_source(Source("<text>", text))[1].warnings]


HALF = "coupling(mlp([4]))"
ALTERNATE = "coupling(mlp([4]), mask = alternate)"


@pytest.mark.parametrize("size", [2, 3, 4, 5, 8])
def test_half_with_reverse_transforms_every_entry(size: int) -> None:
    assert warnings(f"{HALF} |> reverse |> {HALF}", size) == []
    assert warnings(f"repeat(2) {{ {HALF} |> reverse }}", size) == []


@pytest.mark.parametrize("size", [3, 5])
def test_alternate_with_reverse_leaves_entries_of_an_odd_number(size: int) -> None:
    assert warnings(f"repeat(6) {{ {ALTERNATE} |> reverse }}", size) == ["DGM0369"]
    assert warnings(f"repeat(6) {{ {ALTERNATE} |> reverse }}", size + 1) == []


def test_one_coupling_leaves_half_and_any_mixing_stage_ends_the_proof() -> None:
    assert warnings(HALF, 4) == ["DGM0369"]
    assert warnings(f"{HALF} |> scale", 4) == []
    assert warnings("scale |> reverse", 4) == []


def test_a_waiver_holds_for_its_line_and_one_alone_for_the_next() -> None:
    assert warnings(HALF, 4, comment="# allow DGM0369") == []
    assert warnings(HALF, 4, above="  # allow DGM0369: the other half is noise") == []
    assert warnings(HALF, 4, comment="# allow DGM0292") == ["DGM0369", "DGM0293"]


def test_a_waiver_of_what_does_not_come_is_idle() -> None:
    assert warnings(f"{HALF} |> scale", 4, comment="# allow DGM0369") == ["DGM0293"]

"""Lints, and their waivers."""

from __future__ import annotations

import pytest

from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.source import Source


def warnings(chain: str, size: int | str, comment: str = "", above: str = "") -> list[str]:
    text = f"model M {{\n{above}\n  data x : real[{size}] ~ Normal(0, 1) |> {chain} {comment}\n}}"
    return [d.code for d in compile_source(Source("<text>", text))[1].warnings]


HALF = "coupling(mlp([4]))"
ALTERNATE = "coupling(mlp([4]), mask = alternate)"


@pytest.mark.parametrize("size", [*range(2, 18), "3, 3, 1", "2, 1, 1", "4, 4, 3"])
def test_half_with_reverse_transforms_every_entry(size: int | str) -> None:
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


CHANNEL = "coupling(conv_net(4), mask = channel)"
EVEN = "coupling(conv_net(4), mask = checkerboard)"
ODD = "coupling(conv_net(4), mask = checkerboard(odd = true))"
PICTURES = [
    (f"{EVEN} |> {ODD}", "3, 4, 1", []),
    (f"repeat(4) {{ {EVEN} |> reverse }}", "4, 4, 1", ["DGM0369"]),  # a flip keeps the colour
    (f"repeat(2) {{ {EVEN} |> reverse }}", "3, 4, 1", []),
    (f"repeat(9) {{ {CHANNEL} }}", "2, 2, 3", ["DGM0369"]),
    (f"repeat(2) {{ {CHANNEL} |> reverse }}", "2, 2, 3", []),
    (f"repeat(2) {{ {CHANNEL} |> conv1x1 }}", "2, 2, 2", []),
    (f"squeeze {{ {CHANNEL} |> reverse |> {CHANNEL} }}", "4, 4, 1", []),
    (f"squeeze {{ {CHANNEL} }}", "4, 4, 1", ["DGM0369"]),
    (f"multiscale(levels = 2) {{ {CHANNEL} |> reverse |> {CHANNEL} }}", "4, 4, 1", []),
    (f"multiscale(levels = 2) {{ {CHANNEL} }}", "4, 4, 1", ["DGM0369"]),
    (f"repeat(8) {{ {HALF} |> permute }}", "4, 1, 1", []),
    (f"repeat(8) {{ {HALF} |> permute(seed = 1) }}", "4, 1, 1", ["DGM0369"]),
]


@pytest.mark.parametrize(("chain", "size", "found"), PICTURES)
def test_masks_of_pictures_and_what_moves_entries(chain: str, size: str, found: list[str]) -> None:
    assert warnings(chain, size) == found


def test_a_waiver_holds_for_its_line_and_one_alone_for_the_next() -> None:
    assert warnings(HALF, 4, comment="# allow DGM0369") == []
    assert warnings(HALF, 4, above="  # allow DGM0369: the other half is noise") == []
    assert warnings(HALF, 4, comment="# allow DGM0292") == ["DGM0369", "DGM0293"]


def test_a_waiver_of_what_does_not_come_is_idle() -> None:
    assert warnings(f"{HALF} |> scale", 4, comment="# allow DGM0369") == ["DGM0293"]

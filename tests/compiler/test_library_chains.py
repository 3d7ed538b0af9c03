"""Chains that the library writes in the language: the same as what they mean, written out."""

from __future__ import annotations

from typing import Any

import pytest

from dgmlang.compiler.library import library
from dgmlang.compiler.program import Chain, Pushed
from tests.lower.hand import parsed

TEXT = "model M {{ {} data x : real[{}] ~ Normal(0, 1) |> {} }}"
COUPLED = "repeat(3) {{ coupling(mlp({})) |> reverse }}"


def pushed(stages: str, shape: str = "4", before: str = "") -> Chain:
    law = parsed(TEXT.format(before, shape, stages)).variables["x"].law
    assert isinstance(law, Pushed)
    return law.chain


def shown(chain: Chain) -> list[Any]:
    """Names, places and settings of all stages; not where they stand in the text."""
    return [
        (
            stage.extern.name,
            stage.place,
            [shown(v) if isinstance(v, Chain) else v for v in stage.settings.values()],
            None if stage.body is None else shown(stage.body),
            str(stage.target),
        )
        for stage in chain.stages
    ]


@pytest.mark.parametrize(
    ("short", "long", "shape"),
    [
        ("realnvp(3)", COUPLED.format("[64, 64]"), "4"),
        ("realnvp(3, hidden = [8]) |> scale", f"{COUPLED.format('[8]')} |> scale", "4"),
        (
            "glow(2, levels = 1, channels = 8)",
            "multiscale(1) { repeat(2) "
            "{ coupling(conv_net(8), mask = channel) |> conv1x1 |> actnorm } }",
            "4, 4, 1",
        ),
    ],
)
def test_a_name_is_the_chain_that_it_means(short: str, long: str, shape: str) -> None:
    assert shown(pushed(short, shape)) == shown(pushed(long, shape))
    assert shown(pushed("realnvp(2)")) != shown(pushed("realnvp(3)"))


def test_names_of_the_program_mean_nothing_in_a_chain() -> None:
    own = "let reverse(n) = repeat(n) { scale }; "
    assert shown(pushed("realnvp(3)", before=own)) == shown(pushed("realnvp(3)"))
    assert shown(pushed("realnvp(2) |> reverse(2)", before=own))[1][0] == "repeat"


def test_a_let_of_the_program_comes_first() -> None:
    own = "let realnvp(n) = repeat(n) { scale }; "
    assert shown(pushed("realnvp(2)", before=own)) == shown(pushed("repeat(2) { scale }"))


def test_a_chain_is_no_stage_with_an_implementation() -> None:
    known = library().externs
    every = {n for kind in ("layer", "bijection") for n in known[kind]}
    assert not every & set(known["chain"])
    assert all(chain.formula("means") is not None for chain in known["chain"].values())

"""Recipes are judged before there are data, by what `fit` would say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_source, compile_text
from dgmlang.compiler.plan.judge import judge
from dgmlang.compiler.plan.methods import objective
from dgmlang.compiler.source import Source

ISING = """model Ising(side: int{default}) {{
  param J : real
  data x : spin[side, side]
  energy -J * sum(x * shift(x, 1, axis = 0))
  recipe default {{ objective = {objective} }}
}}"""


def codes(text: str) -> list[str]:
    try:
        return [f"{d.severity}:{d.code}" for d in compile_source(Source("<text>", text))[1].found]
    except DgmError as error:
        return [f"{d.severity}:{d.code}" for d in error.diagnostics]


def test_what_open_dimensions_decide_is_left_to_the_data() -> None:
    assert codes(ISING.format(default="", objective="mle")) == []
    assert codes(ISING.format(default=" = 40", objective="mle")) == ["error:DGM0412"]


def test_a_wrong_setting_is_wrong_whatever_the_data() -> None:
    assert codes(ISING.format(default="", objective="pcd(chains = 0)")) == ["error:DGM0430"]


def test_what_this_version_lacks_is_no_mistake_of_the_program() -> None:
    plan = compile_text(ISING.format(default=" = 4", objective="mle"))
    assert not list(judge(plan))
    lacking = {**plan.objectives, "mle": replace(plan.objectives["mle"], built=False)}
    found = judge(replace(plan, objectives=lacking))
    assert [(d.severity, d.code) for d in found] == [("warning", "DGM0414")]


def test_fit_says_the_same_as_check() -> None:
    plan = compile_text(ISING.format(default=" = 40", objective="pcd"))
    with pytest.raises(DgmError) as raised:
        objective(plan, "mle")
    (asked,) = raised.value.diagnostics
    with pytest.raises(DgmError) as raised:
        compile_text(ISING.format(default=" = 40", objective="mle"))
    (written,) = raised.value.diagnostics
    assert (asked.title, asked.why, asked.help) == (written.title, written.why, written.help)
    assert written.labels[0].span.text == "mle"


def test_several_mistakes_are_said_in_one_run() -> None:
    text = ISING.format(default=" = 4", objective="mel; optimizer = adm; prepare y = flatten(y)")
    assert codes(text) == ["error:DGM0413", "error:DGM0701", "error:DGM0520"]

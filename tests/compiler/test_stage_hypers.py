"""Hyperparameters of kind `net` and `stage`: the program is that with the chain written out."""

from __future__ import annotations

from typing import Any

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Pushed
from tests.compiler.test_library_chains import shown
from tests.lower.hand import parsed

TEXT = """model A({}) {{
  data x : real[4] ~ Normal(0, 1) |> coupling({}) |> {}
}}"""
GIVEN = TEXT.format("f: net = mlp([8]), s: stage = scale |> reverse", "f", "s")


def stages(text: str, **settings: str) -> list[Any]:
    law = parsed(text, **settings).variables["x"].law
    assert isinstance(law, Pushed)
    return shown(law.chain)


def test_the_default_is_put_in() -> None:
    assert stages(GIVEN) == stages(TEXT.format("", "mlp([8])", "scale |> reverse"))
    assert parsed(GIVEN).hypers == {"f": "mlp([8])", "s": "scale |> reverse"}


def test_a_caller_writes_another() -> None:
    found = stages(GIVEN, f="mlp([3, 3]) |> dense(2)", s="reverse")
    assert found == stages(TEXT.format("", "mlp([3, 3]) |> dense(2)", "reverse"))
    assert found != stages(GIVEN)


def test_a_model_gives_one_to_another_with_its_own_sizes() -> None:
    """Names of the model that gives it are not those of the model that takes it."""
    text = """model A(w: int = 7, f: net = mlp([w])) {
      data x : real[4] ~ Normal(0, 1) |> coupling(f) |> reverse
    }
    model B(w: int = 3, more: int[] = [5, 6]) {
      data x : real[4] ~ A(f = mlp(more) |> dense(2 * w))
    }"""
    written = TEXT.format("", "mlp([5, 6]) |> dense(6)", "reverse")
    assert stages(text) == stages(written)


def test_each_use_has_parameters_of_its_own() -> None:
    text = TEXT.format("f: net = mlp([8])", "f", "reverse |> coupling(f)")
    places = [stage[0] for stage in stages(text)]
    assert places == ["coupling", "reverse", "coupling"]


@pytest.mark.parametrize(("f", "code"), [("mlp([8", "DGM01"), ("8", "DGM0206"), ("mpl", "DGM0202")])
def test_what_is_no_chain_is_said(f: str, code: str) -> None:
    with pytest.raises(DgmError, match=code):
        stages(GIVEN, f=f)

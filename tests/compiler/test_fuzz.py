from __future__ import annotations

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text
from tests import fuzz


def test_mutants_are_answered() -> None:
    assert [wrong for _, _, wrong in fuzz.run(fuzz.programs(), range(400))] == []


def test_bugs_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    def hang(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzz, "compile_source", fail)
    assert "RecursionError" in (fuzz.complaint("model A {}") or "")
    monkeypatch.setattr(fuzz, "compile_source", hang)
    assert "no answer in 0.1 s" in (fuzz.complaint("model A {}", 0.1) or "")


@pytest.mark.parametrize(
    "size", ["2 ** 9 ** 9 ** 9", "(d + 1) ** 9 ** 9", "9 * " * 120 + "9 ** 300"]
)
def test_sizes_beyond_a_float_are_no_sizes(size: str) -> None:
    with pytest.raises(DgmError) as error:
        compile_text(f"model A(d: int) {{ data x : real[{size}] ~ Normal(0, 1) }}")
    assert [d.code for d in error.value.diagnostics] == ["DGM0303"]


def test_a_huge_grid_is_coloured_at_once() -> None:
    text = """model Ising {
      data s : spin[99999999999, 99999999999]
      energy -sum(s * shift(s, 1, axis = 0))
    }"""
    assert fuzz.complaint(text) is None

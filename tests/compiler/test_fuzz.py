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


FOUND = {
    "a state in a loop that is wrong": """model M(T: int = 8) {
  param a : real
  data x : bit[T]
  for t in 2..T {
    let h[t] = 0 if t == 0 else tanh(a * h[t-1] + x[t-1])
  }
  energy -sum(h * x)
}""",
    "a let that takes a variable's name, in a net": """model M(n: int = 4) {
  let x = 2 * x
  net f(z: real[2]) -> real[n] = concat(z, x) |> mlp([8])
  latent z : real[2] ~ Normal(0, 1)
  data x : real[n] ~ Normal(f(z), 1)
}""",
    "a net that reads a state": """model M(T: int = 8) {
  param a : real
  net f(z: real[2]) -> real = concat(z, h) |> mlp([8])
  for t in 0..T {
    let h[t] = 0.0 if t == 0 else tanh(a * h[t-1] + x[t-1])
    data x[t] : real ~ Normal(h[t], 1)
  }
}""",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_what_mutants_have_found_is_answered_by_one_message(text: str) -> None:
    with pytest.raises(DgmError) as error:
        compile_text(text)
    assert len(error.value.diagnostics) == 1
    assert fuzz.complaint(text) is None


def test_copies_by_an_open_dimension_have_no_count_yet() -> None:
    text = "model M(d: int) { data x : real[d] ~ Normal(0, 1) |> repeat(d) { maf(made([4])) } }"
    assert fuzz.complaint(text) is None
    assert compile_text(text).facts.parameters is None
    assert compile_text(text, d=3).facts.parameters is not None


def test_a_list_that_is_too_long_is_no_list() -> None:
    text = """model M(d: int = 2) {
      net s(x: real[d], t: unit) -> real[d] = concat(x, t |> fourier(32)) |> mlp([3, 128])
      data x : real[d]
      score x at t under levels(geometric(0.01, 10, 12345678901234567890)) = s(x, t)
    }"""
    assert fuzz.complaint(text, 1.0) is None
    with pytest.raises(DgmError):
        compile_text(text)


def test_files_of_one_program_are_found() -> None:
    text = 'use "b.dgm": f\nmodel M { data x : real ~ Normal(f(1.0), 1) }'
    assert fuzz.complaint(text, others={"b.dgm": "let f(x) = 2 * x"}) is None
    plan = fuzz.compile_source(fuzz.placed(text, {"b.dgm": "let f(x) = 2 * x"}))[0]
    assert plan.program.name == "M"
    whole = [fuzz.Files(fuzz.programs(), f"0:{n}").files() for n in range(20)]
    assert all("" in files and "b.dgm" in files for files in whole)


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

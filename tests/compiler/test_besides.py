"""Errors of names and types beside those of syntax, and none that a broken statement brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmlang.compiler import besides
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.files import placed
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.dgm"))

TWO_MODELS = """model First(d: int = 3) {
  param w : real[d] = = 0
  latent z : real[2] ~ Normla(0, 1)
  net f(z: real[2]) -> real[d] = z |> mlp([8]) |> lineer()
  let h = f(z, 2)
  data x : real[d] ~ Normal(h + w, 1)
  data y : real[d] ~ Normal(hh, 1)
}"""


def titles(text: str, path: Path | None = None) -> list[str]:
    source = placed(path, path.name, text) if path else Source("text.dgm", text)
    with pytest.raises(DgmError) as error:
        compile_source(source)
    return [d.title for d in error.value.diagnostics]


def broken(path: Path) -> Iterator[str]:
    """A program as often as it has statements, each time with another that does not parse."""
    text = path.read_text("utf-8")
    for statement in besides.leaves(parse(Source(path.name, text))[0].statements):
        end = statement.span.end
        yield text[:end] + " = = 3" + text[end:]


def test_mistakes_beside_a_broken_statement_are_said() -> None:
    assert titles(TWO_MODELS) == [
        "unexpected `=`",
        "unknown stage",
        "unknown distribution",
        "too many arguments",
        "unknown name",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_broken_statement_brings_no_other_message(path: Path) -> None:
    assert [found for text in broken(path) if len(found := titles(text, path)) != 1] == []


def test_messages_that_it_would_bring_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(besides, "_stands", lambda *_: True)
    path = next(path for path in EXAMPLES if path.stem == "vae")
    assert max(len(titles(text, path)) for text in broken(path)) > 1


@pytest.mark.parametrize(
    "text",
    [
        "model M { data x : real ~ Normal(qq, 1) }}",
        "model M(d: int = = 2) { data x : real[d] }\nmodel K { data y : real[2] ~ M(d = 2) }",
        "model I { given c : real; data x : real ~ F(c 1) }\nmodel B { data z : real ~ I(0) }",
        "model A { given g : real = 3; data x : real ~ F() }\nmodel B { data z : real ~ A(1.0) }",
        "model M { date x : real\n data y : real ~ Normal(x, 1) }",
        "model M { use models: GMM + \n data x : real[2] ~ GMM(d = 2) }",
        "model M { for t in 0.. { data x[t] : real ~ F() } \n data y : real ~ Normal(x[0], 1) }",
    ],
    ids=["bracket", "head", "part", "given", "role", "use", "loop"],
)
def test_what_may_be_meant_otherwise_is_left_out(text: str) -> None:
    assert len(titles(text)) == 1

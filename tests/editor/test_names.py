"""Where names are declared and used, what is shown of them, and what may stand at a place."""

from __future__ import annotations

from dgmlang.compiler.source import Source
from dgmlang.editor.complete import complete
from dgmlang.editor.hover import hover
from dgmlang.editor.names import definition, occurrences

PROGRAM = """model M(d: int = 2) {
  net f(z: real[d]) -> (loc: real[d]) = z |> mlp([4])
  ## The code.
  latent z : real[d] ~ Normal(loc = 0, scale = 1)
  data x : real[d] ~ Normal(f(z).loc, 1)
  guide { z ~ Normal(x, 1) }
}
"""


def at(text: str, mark: str, skip: int = 0) -> int:
    """The offset of the first letter of `mark`, of the one after `skip` others."""
    offset = -1
    for _ in range(skip + 1):
        offset = text.index(mark, offset + 1)
    return offset


def lines(text: str, offset: int) -> list[int]:
    return [span.line for span in occurrences(Source("m.dgm", text), offset)]


def test_a_net_parameter_is_another_name_than_the_variable() -> None:
    assert lines(PROGRAM, at(PROGRAM, "z |>")) == [2, 2]
    assert lines(PROGRAM, at(PROGRAM, "z : real")) == [4, 5, 6]


def test_fields_and_names_of_arguments_are_no_uses() -> None:
    program = PROGRAM.replace("z |> mlp([4])", "z |> mlp([4])\n  param loc : real")
    assert lines(program, at(program, "loc : real")) == [3]


def test_a_definition_is_found_from_a_use() -> None:
    span = definition(Source("m.dgm", PROGRAM), at(PROGRAM, "d]) -> (loc"))
    assert span is not None
    assert (span.line, span.text) == (1, "d")
    assert definition(Source("m.dgm", PROGRAM), at(PROGRAM, "Normal")) is None


def test_hover_shows_type_doc_and_what_becomes_of_a_latent() -> None:
    text = hover(Source("m.dgm", PROGRAM), at(PROGRAM, "z : real"))
    assert text is not None
    assert "The code." in text
    assert "real[2]" in text
    assert "bounded, gradient pathwise" in text


def test_hover_of_a_built_in_shows_its_signature() -> None:
    text = hover(Source("m.dgm", PROGRAM), at(PROGRAM, "Normal"))
    assert text is not None
    assert "Normal(loc: real = 0" in text


def test_hover_of_a_text_that_does_not_compile_still_shows_the_declaration() -> None:
    broken = PROGRAM.replace("f(z).loc", "f(z).wrong")
    text = hover(Source("m.dgm", broken), at(broken, "z : real"))
    assert text is not None
    assert "The code." in text


def candidates(text: str) -> set[str]:
    return {c.text for c in complete(Source("m.dgm", text), len(text))}


def test_what_may_stand_depends_on_the_place() -> None:
    start = "model M(d: int) {\n  param w : real\n  "
    assert {"data", "latent", "recipe"} <= candidates(start)
    assert {"Normal", "Bernoulli", "RealNVP"} <= candidates(start + "data x : real ~ ")
    assert "mlp" not in candidates(start + "data x : real ~ ")
    assert {"mlp", "coupling"} <= candidates(start + "net f(x: real) -> real = x |> ")
    assert {"real", "simplex"} <= candidates(start + "data x : ")
    assert {"vp", "edm"} <= candidates(start + "score x at t under ")
    assert {"swish"} <= candidates(start + "net f(x: real) -> real = x |> mlp([4], activation = ")
    assert {"w", "d", "exp", "not"} <= candidates(start + "let h = 2 * ")


def test_a_half_written_word_counts_as_not_there() -> None:
    assert "Normal" in candidates("model M {\n  data x : real ~ Nor")
    assert "data" in candidates("model M {\n  da")


def test_nothing_to_say_of_blank_space_or_an_empty_text() -> None:
    assert hover(Source("m.dgm", ""), 0) is None
    assert occurrences(Source("m.dgm", ""), 0) == []
    assert definition(Source("m.dgm", "model M { }"), 9) is None

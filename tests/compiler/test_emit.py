"""What stages are printed as: trees, LaTeX, the graph."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmlang.compiler.emit.describe import described, entries, names
from dgmlang.compiler.emit.graph import graph
from dgmlang.compiler.emit.latex import formula_of, latex
from dgmlang.compiler.emit.notation import name
from dgmlang.compiler.emit.svg import svg
from dgmlang.compiler.emit.tree import tree
from dgmlang.compiler.library import library
from dgmlang.compiler.pipeline import compile_source, compile_text, read
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "emit"
EXAMPLES = sorted((ROOT / "examples").glob("*.dgm"))

SHARED = """
model M(d: int = 2) {
  param w : real[d]
  latent z : real ~ Normal(0, 1)
  let h = exp(z)
  data x : real[d] ~ Normal(w * h, h)
}
"""


def models(path: Path) -> list[ast.Model]:
    return [s for s in parse(read(path))[0].statements if isinstance(s, ast.Model)]


def test_a_shared_node_is_written_once_and_named_afterwards() -> None:
    lines = tree(compile_text(SHARED).program).splitlines()
    apply = [line.strip() for line in lines if "Apply #" in line]
    assert apply[0].endswith("Apply #1 : positive")
    assert apply[1].endswith("Apply #1 : positive")
    assert sum("exp" in line for line in lines) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_latex(path: Path, golden: Callable[[Path, str], None]) -> None:
    text = "\n".join(map(latex, models(path)))
    golden(GOLDEN / f"{path.stem}.tex", f"{text}\n")
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")


def test_the_objective_comes_last() -> None:
    model = models(ROOT / "examples" / "vae.dgm")[0]
    elbo = library().externs["objective"]["elbo"]
    *_, first, second, _ = latex(model, [(1, elbo), (0.1, elbo)]).splitlines()
    formula = rf"\text{{elbo:}}\quad & {formula_of(elbo)}"
    assert first.strip() == rf"{formula} \\"
    assert second.strip() == rf"0.1 \times {formula}"


def test_every_built_objective_has_a_formula() -> None:
    externs = library().externs["objective"].values()
    assert [e.name for e in externs if not e.has("planned") and not formula_of(e)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", "x"),
        ("σ", r"\sigma"),
        ("Σ", r"\Sigma"),
        ("λ", r"\lambda"),
        ("Λ", r"\Lambda"),
        ("lambda", r"\lambda"),
        ("Alpha", r"\mathrm{A}"),
        ("ε", r"\varepsilon"),
        ("p_rain", r"p_{\mathrm{rain}}"),
        ("beta_min", r"\beta_{\mathrm{min}}"),
        ("logits", r"\mathrm{logits}"),
        ("x_2", "x_{2}"),
    ],
)
def test_names_look_as_in_papers(text: str, expected: str) -> None:
    assert name(text) == expected


def test_a_power_of_an_index_and_a_set_of_a_set_stay_readable_for_tex() -> None:
    text = (
        "model M(K: int = 2) { param p_a : simplex(K)[3]; data x : cat(K) ~ Categorical(p_a[0]) }"
    )
    program = compile_text(text).program.span.source
    shown = latex(next(s for s in parse(program)[0].statements if isinstance(s, ast.Model)))
    assert r"p_{a} &\in {\Delta^{K - 1}}^{3}" in shown
    assert r"{p_{a}}_{0}" in shown


def test_edges_go_down_and_a_guide_is_apart() -> None:
    drawn = graph(compile_source(read(ROOT / "examples" / "vae.dgm"))[0].program)
    assert {(e.source, e.target, e.guide) for e in drawn.edges} == {
        ("z", "x", False),
        ("x", "z", True),
    }
    assert drawn.nodes["x"].layer == drawn.nodes["z"].layer + 1


def test_an_energy_stands_between_what_it_reads_and_what_it_shapes() -> None:
    drawn = graph(compile_source(read(ROOT / "examples" / "rbm.dgm"))[0].program)
    layers = {name: node.layer for name, node in drawn.nodes.items()}
    assert layers == {"W": 0, "b": 0, "c": 0, "energy 1": 1, "v": 2, "h": 2}
    assert all(e.directed == (e.target == "energy 1") for e in drawn.edges)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_picture_shows_every_variable_within_its_frame(path: Path) -> None:
    program = compile_source(read(path))[0].program
    root = ET.fromstring(svg(graph(program)))
    texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(program.variables) <= texts
    width = float(root.attrib["width"])
    xs = [float(t.attrib["x"]) for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(0 < x < width for x in xs)


def test_every_name_of_the_library_is_described() -> None:
    for known in names():
        for entry in entries(known):
            first, *rest = described(entry).splitlines()
            assert known in first
            assert all(line.startswith("  ") for line in rest)


def test_a_name_of_several_spaces_is_described_in_each() -> None:
    firsts = [described(entry).split("  ")[0] for entry in entries("sigmoid")]
    assert sorted(firsts) == ["activation", "bijection", "function"]

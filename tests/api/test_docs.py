"""Every program and command of the documentation runs as it stands there."""

from __future__ import annotations

import importlib.util
import re
from inspect import isfunction, signature
from pathlib import Path
from types import ModuleType

import pytest

from dgmlang.cli.codes import meanings
from dgmlang.compiler.library import library
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.plan.initial import WORDS
from dgmlang.compiler.source import Source
from dgmlang.fitted import Fitted

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<head>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_whole_program_compiles(page: Path) -> None:
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        if block["head"].split()[:1] == ["dgm"] and "wrong" not in block["head"]:
            text = block["text"]
            if re.search(r"^model ", text, re.MULTILINE):
                plan, report = compile_source(Source(str(page), text))
                assert plan.program.name in text
                assert report.warnings == ()


def test_the_site_has_a_page_for_every_code_and_every_built_in() -> None:
    pages = hooks().pages()
    assert {f"reference/{code}.md" for code in meanings()} <= set(pages)
    text = "\n".join(pages.values())
    for kind, space in library().externs.items():
        assert all(f"## {name}\n" in pages[f"reference/library-{kind}.md"] for name in space)
    examples = [path.stem for path in (ROOT / "examples").glob("*.dgm")]
    assert all(pages[f"examples/{name}.svg"].startswith("<svg") for name in examples)
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", text)


def test_a_page_of_a_built_in_says_what_it_takes_and_gives_and_whose_it_is() -> None:
    made = hooks().pages()
    layers, laws = made["reference/library-layer.md"], made["reference/library-dist.md"]
    dense = layers.partition("## dense\n")[2].partition("\n## ")[0]
    assert "In: `real[n]`. Out: `real[units]`" in dense
    assert "| `units` | `int` |" in dense
    assert "weights((n + 1) * units)" in dense
    assert "Written in `dgmlang/layers/dense.py`." in dense
    normal = laws.partition("## Normal\n")[2].partition("\n## ")[0]
    assert "Support: `real`." in normal
    flow = made["reference/library-bijection.md"].partition("## coupling\n")[2]
    assert "Source: Dinh et al. 2017" in flow.partition("\n## ")[0]


def test_the_pictures_of_examples_stand_with_the_commands_that_made_them() -> None:
    folder, made = ROOT / "docs" / "images" / "examples", hooks().pages()
    lines = (folder / "commands.txt").read_text(encoding="utf-8").splitlines()
    drawn = {Path(line.split()[2]).name for line in lines if line.startswith("dgm sample")}
    assert {p.stem for p in folder.glob("*.png")} == drawn
    for line in lines:
        about = [name for name in drawn if re.search(rf"\b{name}(\.dgm| |$)", line)]
        page = made[f"examples/{about[0]}.md"]
        assert len(about) == 1
        assert f"$ {line}" in page
        assert "![Draws](../images/examples/" in page


def test_a_flow_without_such_commands_shows_its_density_beside_the_data() -> None:
    page = hooks().pages()["examples/maf.md"]
    assert (ROOT / "docs" / "images" / "flows" / "maf.png").exists()
    assert "![Data, density and draws](../images/flows/maf.png)" in page


def test_every_rule_of_initial_values_stands_in_the_reference() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    table = text.partition("| what it is | where it starts |")[2].partition("\n\n")[0]
    assert [w for w in WORDS.values() if w.format("the data") not in table] == []


def test_every_query_stands_in_one_table() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    table = text.partition("| query | shape | kind |")[2].partition("\n\n")[0]
    asked = [n for n, v in vars(Fitted).items() if not n.startswith("_") and "seed" in _names(v)]
    assert "log_prob" in asked
    assert [n for n in asked if f"`{n}(" not in table and n != "to_arviz"] == []


def _names(value: object) -> tuple[str, ...]:
    return tuple(signature(value).parameters) if isfunction(value) else ()


def test_the_site_builds_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    monkeypatch.chdir(ROOT)
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    build(config)
    assert (tmp_path / "site" / "reference" / "DGM0306" / "index.html").exists()
    assert (tmp_path / "site" / "tutorial" / "index.html").exists()

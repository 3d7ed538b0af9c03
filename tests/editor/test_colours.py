"""TextMate, Pygments and the notebook's cell magic."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pygments import lex
from pygments.token import Comment, Error, Keyword, Name, Number, String

from dgmlang.editor import textmate
from dgmlang.editor.lexer import DgmLexer
from dgmlang.editor.words import words

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROGRAM = """## A story.
model M(d: int = 2) {  # a remark
  param data_scale : positive
  data x : real[d] ~ Normal(0, data_scale)
  recipe default { prepare x = standardize(x) }
}
"""


def sorts(text: str) -> dict[str, object]:
    return {word: sort for sort, word in lex(text, DgmLexer())}


def test_words_are_coloured_by_what_they_are() -> None:
    found = sorts(PROGRAM)
    assert found["## A story."] is String.Doc
    assert found["# a remark"] is Comment.Single
    assert found["M"] is Name.Class
    assert found["data"] is Keyword.Declaration
    assert found["prepare"] is Name or found["prepare"] is Keyword.Declaration
    assert found["data_scale"] is Name
    assert found["positive"] is Keyword.Type
    assert found["Normal"] is Name.Builtin
    assert found["2"] is Number


def test_a_role_is_a_name_elsewhere_than_at_the_start() -> None:
    assert sorts("model M { param w : real\n  let h = data + w }")["data"] is Name


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.dgm")), ids=lambda p: p.stem)
def test_no_character_of_an_example_is_lost_or_unknown(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = list(lex(text, DgmLexer()))
    assert "".join(word for _, word in found) == text
    assert Error not in {sort for sort, _ in found}


def test_the_textmate_grammar_is_current() -> None:
    assert textmate.FILE.read_text(encoding="utf-8") == textmate.text(), (
        "run `python -m dgmlang.editor.textmate`"
    )


def test_the_vs_code_folder_names_files_that_are_there() -> None:
    folder = textmate.FILE.parent
    told = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    named = [told["main"], *(g["path"] for g in told["contributes"]["grammars"])]
    named += [language["configuration"] for language in told["contributes"]["languages"]]
    assert all((folder / name).is_file() for name in named)
    json.loads((folder / "language-configuration.json").read_text(encoding="utf-8"))


def test_sorts_of_words_do_not_overlap_where_it_would_matter() -> None:
    held = words()
    assert set(held["reserved"]).isdisjoint(held["kind"])
    assert "Normal" in held["builtin"]


def test_the_cell_magic_in_a_real_kernel() -> None:
    cells = [
        "%load_ext dgmlang",
        "%%dgm d=3\nmodel Points(d: int) { data x : real[d] ~ Normal(0, 1) }",
        "print(dict(Points.hypers))",
        "%%dgm --name wrong\nmodel M { data x : bit ~ Bernouli(0.5) }",
        "print('wrong' in globals())",
        "%%dgm d=\nmodel M { data x : bit ~ Bernoulli(0.5) }",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    said = ["".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells]
    assert "Points" in said[1]
    assert said[2].strip() == "{'d': 3}"
    assert "Bernoulli" in said[3]
    assert said[4].strip() == "False"
    assert "Expected NAME=VALUE" in said[5]

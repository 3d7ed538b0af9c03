"""Every page of `dgm explain DGM0306` holds what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from dgmlang.cli import stories
from dgmlang.cli.codes import meanings
from dgmlang.cli.stories import asked, findings, for_terminals, told
from dgmlang.compiler.diagnostics.stories import story
from tests.cli.conftest import Dgm

FOLDER = Path(str(files("dgmlang.compiler.diagnostics.stories")))
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(FOLDER.glob("*.md"))}
PYTHON = re.compile(
    r"^```python\n(?P<text>(?:.*\n)*?)```\n\n```text\n(?P<said>(?:.*\n)*?)```$", re.MULTILINE
)
RUNNING = [code for code in PAGES if "```python" in PAGES[code]]
CODE = re.compile(r"DGM\d{4}")
WIDTH = 100
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<words>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)


def blocks(page: str, language: str, *, wrong: bool) -> list[re.Match[str]]:
    found = [b for b in BLOCK.finditer(page) if b["language"] == language]
    return [b for b in found if b["words"].strip().startswith("wrong") == wrong]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(PAGES) == set(meanings())


def titles(source: str) -> Iterator[tuple[str, str]]:
    """The code and title of each diagnostic that a text makes, braces emptied."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(args=[ast.Constant(str(code)), title, *_]) if CODE.fullmatch(code):
                yield code, re.sub(r"\{[^}]*\}", "{}", ast.unparse(title)).strip("f'\"")


def of_one_code(source: str) -> dict[str, list[str]]:
    """The codes with several titles; `unknown {}` is the form of `unknown stage`."""
    found: dict[str, set[str]] = {}
    for code, title in titles(source):
        found.setdefault(code, set()).add(title)
    forms = {c: [re.escape(t).replace(r"\{\}", ".+") for t in ts] for c, ts in found.items()}
    return {
        code: sorted(each)
        for code, each in found.items()
        if not any(all(re.fullmatch(form, title) for title in each) for form in forms[code])
    }


def test_a_code_has_one_title() -> None:
    folder = Path(str(files("dgmlang")))
    sources = (path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))
    assert of_one_code("\n".join(s for s in sources if "DGM" in s)) == {}


def test_a_code_with_two_titles_is_seen() -> None:
    two = 'Diagnostic("DGM0001", "one thing")\nDiagnostic("DGM0001", f"other {thing}")'
    assert of_one_code(two) == {"DGM0001": ["one thing", "other {}"]}


@pytest.mark.parametrize("code", PAGES)
def test_wrong_programs_get_the_code_and_nothing_else(code: str) -> None:
    for block in blocks(PAGES[code], "dgm", wrong=True):
        methods = asked(block["words"].strip().removeprefix("wrong"))
        assert [d.code for d in findings(block["text"], methods)] == [code]


@pytest.mark.parametrize("code", PAGES)
def test_mended_programs_are_well_formed(code: str) -> None:
    for block in blocks(PAGES[code], "dgm", wrong=False):
        assert findings(block["text"], {}) == ()


def shortened(text: str) -> str:
    """Lines that fit a terminal: a list of all that there is says enough with its beginning."""
    lines = text.splitlines()
    return "".join(f"{x if len(x) <= WIDTH else x[: WIDTH - 2].rstrip() + ' …'}\n" for x in lines)


@pytest.mark.parametrize("code", RUNNING)
def test_python_says_what_stands_below_it(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(block: re.Match[str]) -> str:
        exec(compile(block["text"], f"{code}.md", "exec"), {"__name__": "story"})
        said = shortened(capsys.readouterr().out)
        assert f"[{code}]" in said.splitlines()[0]
        return f"```python\n{block['text']}```\n\n```text\n{said}```"

    assert len(PYTHON.findall(PAGES[code])) == PAGES[code].count("```python")
    ran = PYTHON.sub(run, PAGES[code])
    if request.config.getoption("--accept"):
        (FOLDER / f"{code}.md").write_text(ran, encoding="utf-8")
    else:
        assert ran == PAGES[code]


@pytest.mark.parametrize("code", PAGES)
def test_a_page_shows_a_mistake_and_lines_fit_a_terminal(code: str) -> None:
    page = PAGES[code]
    assert "wrong" in page or blocks(page, "python", wrong=False) or "```console" in page
    assert all(len(line) <= WIDTH for line in page.splitlines())


def test_the_words_of_the_compiler_stand_below_the_mistake(dgm: Dgm) -> None:
    status, out, _ = dgm("explain", "dgm0306")
    assert status == 0
    assert "    error[DGM0306]: kind mismatch" in out
    assert "```" not in out


def test_a_page_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    page = story("DGM0306")
    assert page is not None
    sound = page.replace("(loc, -1)", "(loc, 1)")
    assert "error[" not in told(sound)
    assert findings(blocks(sound, "dgm", wrong=True)[0]["text"], {}) == ()
    monkeypatch.setattr(stories, "render", lambda _: "other words")
    assert "other words" in for_terminals(told(page))

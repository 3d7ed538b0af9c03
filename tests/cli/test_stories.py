"""Every page of `dgm explain DGM0306` holds what it says."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from dgmlang.cli import stories
from dgmlang.cli.codes import meanings
from dgmlang.cli.stories import asked, findings, for_terminals, told
from dgmlang.compiler.diagnostics.stories import story
from tests.cli.conftest import Dgm

PAGES = {
    page.name.removesuffix(".md"): page.read_text(encoding="utf-8")
    for page in files("dgmlang.compiler.diagnostics.stories").iterdir()
    if page.name.endswith(".md")
}
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<words>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)


def blocks(page: str, language: str, *, wrong: bool) -> list[re.Match[str]]:
    found = [b for b in BLOCK.finditer(page) if b["language"] == language]
    return [b for b in found if b["words"].strip().startswith("wrong") == wrong]


def test_pages_are_of_codes_that_there_are() -> None:
    assert set(PAGES) <= set(meanings())


@pytest.mark.parametrize("code", PAGES)
def test_wrong_programs_get_the_code_and_nothing_else(code: str) -> None:
    for block in blocks(PAGES[code], "dgm", wrong=True):
        methods = asked(block["words"].strip().removeprefix("wrong"))
        assert [d.code for d in findings(block["text"], methods)] == [code]


@pytest.mark.parametrize("code", PAGES)
def test_mended_programs_are_well_formed(code: str) -> None:
    for block in blocks(PAGES[code], "dgm", wrong=False):
        assert findings(block["text"], {}) == ()


@pytest.mark.parametrize("code", PAGES)
def test_a_page_shows_a_mistake_and_lines_fit_a_terminal(code: str) -> None:
    page = PAGES[code]
    assert "wrong" in page or blocks(page, "python", wrong=False) or "```console" in page
    assert all(len(line) <= 100 for line in page.splitlines())


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

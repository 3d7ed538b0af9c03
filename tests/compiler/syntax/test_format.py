from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.format import format_source
from dgmlang.compiler.syntax.parse import parse
from tests.compiler.syntax.made_programs import files, texts

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
OURS = sorted([*(ROOT / "examples").glob("*.dgm"), *(ROOT / "dgmlang").rglob("*.dgm")])
SHARED = sorted((ROOT.parent / "shared" / "programs").glob("*.dgm"))
PARSING = [
    path
    for path in sorted(GOLDEN.rglob("*.dgm"))
    if not parse(Source(path.name, path.read_text("utf-8")))[1]
]


def formatted(text: str) -> str:
    return format_source(Source("made.dgm", text))


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.name)
def test_our_programs_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text, f"run `dgm fmt {path.relative_to(ROOT)}`"


@pytest.mark.parametrize("path", [*OURS, *SHARED, *PARSING], ids=lambda p: p.name)
def test_formatting_keeps_programs_and_their_comments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    again = formatted(text)
    assert parse(Source("a", again))[0] == parse(Source("b", text))[0]
    assert re.findall(r"#.*", again) == re.findall(r"#.*", text)
    assert formatted(again) == again


@given(st.data())
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)
def test_made_programs_have_one_layout(data: st.DataObject) -> None:
    trees = data.draw(files)
    one, other = data.draw(texts(trees, comments=False)), data.draw(texts(trees, comments=False))
    tree, found = parse(Source("made.dgm", one))
    assert [(d.title, one) for d in found] == []
    once = formatted(one)
    assert parse(Source("made.dgm", once))[0] == tree
    assert formatted(once) == once
    assert re.sub(r"\n\n+", "\n", once) == re.sub(r"\n\n+", "\n", formatted(other))


@given(st.data())
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)
def test_comments_stay_where_they_stand(data: st.DataObject) -> None:
    text = data.draw(texts(data.draw(files), comments=True))
    tree, found = parse(Source("made.dgm", text))
    assert [(d.title, text) for d in found] == []
    once = formatted(text)
    assert parse(Source("made.dgm", once))[0] == tree
    assert formatted(once) == once
    told = [re.sub(r"\s+", "", "".join(re.findall(r"#.*", each))) for each in (text, once)]
    assert told[0] == told[1]

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse, parse_expression
from dgmlang.compiler.syntax.tokens import scan

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "examples", ROOT / "dgmlang" / "stdlib", ROOT.parent / "shared" / "programs"]
PROGRAMS = sorted(path for folder in FOLDERS for path in folder.glob("*.dgm"))
TEXTS = [path.read_text(encoding="utf-8") for path in PROGRAMS]
SYMBOLS = [*"{}()[]\n;~=:?x#^²\t\x00х", '"', "...", "<=", "|>", "1e9"]
TOKENS = [*SYMBOLS, "data", "net", "guide", "model", "for", "if"]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_programs_parse(path: Path) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    file, found = parse(source)
    assert [render(d) for d in found] == []
    assert file.statements


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A program with pieces taken out, put in, or repeated elsewhere."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        insert = draw(st.sampled_from(TOKENS) | st.text(max_size=3) | st.just(text[start:end] * 2))
        text = text[:start] + insert + text[end:]
    return text


@given(mutants())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_mutants_give_diagnostics_and_never_crash(text: str) -> None:
    source = Source("mutant.dgm", text)
    _, found = parse(source)
    for diagnostic in found:
        assert render(diagnostic)
        assert render(diagnostic, color=True)
        assert all(
            0 <= label.span.start <= label.span.end <= len(text) for label in diagnostic.labels
        )


@given(st.text(max_size=40) | st.lists(st.sampled_from(TOKENS)).map(" ".join))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_an_expression_or_diagnosed(text: str) -> None:
    value, found = parse_expression(Source("<text>", text))
    assert (value is None) == bool(found)


@given(st.sampled_from(TEXTS))
def test_tokens_lie_where_they_say(text: str) -> None:
    tokens, _ = scan(Source("program.dgm", text))
    assert all(text[t.start : t.end].strip('"') == t.text for t in tokens)


def test_one_mistake_is_one_diagnostic() -> None:
    """Each token of each example taken out: nine in ten of the mistakes are told in one message.

    The worst is a bracket that is missing among brackets of several kinds over several lines.
    """
    counts = Counter(len(parse(Source("mutant.dgm", text))[1]) for text in deletions())
    wrong = sum(counts.values()) - counts[0]
    assert counts[1] > 0.9 * wrong
    assert max(counts) <= 5
    assert sum(n for messages, n in counts.items() if messages > 2) < 0.005 * wrong


def deletions() -> Iterator[str]:
    for path in (ROOT / "examples").glob("*.dgm"):
        text = path.read_text(encoding="utf-8")
        tokens, _ = scan(Source("program.dgm", text))
        yield from (text[: token.start] + text[token.end :] for token in tokens)

"""A fix does what its help says: that finding is gone, and no other one has come."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Edit, apply
from dgmlang.compiler.source import Source, Span
from tests.compiler.mended import GOLDEN, findings, is_of_the_parser, told
from tests.compiler.syntax.elsewhere import cases

PATHS = sorted([*(GOLDEN / "syntax").glob("*.dgm"), *(GOLDEN / "check").glob("*.dgm")])
PROGRAMS = {p.name: p.read_text(encoding="utf-8") for p in PATHS} | cases()
# A help of these codes that is one thing to write must be a fix.
MENDED = ("DGM01", "DGM02", "DGM036")
WORD = re.compile(r"(write|type) `[^`…\s]+`( for both| in one alphabet)?|remove it")


FIXED = [(n, d) for n, text in PROGRAMS.items() for d in findings(text) if d.fixes]


@pytest.mark.parametrize(("name", "found"), FIXED, ids=[f"{n}-{d.code}" for n, d in FIXED])
def test_a_fix_mends_its_finding_and_brings_no_other(name: str, found: Diagnostic) -> None:
    before = findings(PROGRAMS[name])
    after = findings(apply(PROGRAMS[name], found.fixes))
    rest = told(before) - told([found])
    if is_of_the_parser(before) and not is_of_the_parser(after):
        return  # the later stages speak where the parser has nothing left to say
    if is_of_the_parser([found]):  # and of a statement that parses now
        after = [d for d in after if d in before or is_of_the_parser([d])]
    after = [d for d in after if d.severity == "error" or found.severity != "error"]
    assert told(after) - rest == Counter()
    assert len(after) < len(before)


def test_many_kinds_of_findings_bring_a_fix() -> None:
    assert len({found.code for _, found in FIXED}) >= 12


def test_a_help_that_is_one_word_to_write_is_a_fix() -> None:
    without = {
        (name, d.code, d.help)
        for name, text in PROGRAMS.items()
        for d in findings(text)
        if d.help and WORD.fullmatch(d.help) and d.code.startswith(MENDED) and not d.fixes
    }
    assert without == set()


def test_edits_are_made_from_the_end() -> None:
    source = Source("a", "abc")
    places = {(0, 1): "xyz", (2, 3): "", (1, 1): "-"}
    edits = [Edit(Span(source, *place), text) for place, text in places.items()]
    assert apply("abc", edits) == "xyz-b"

"""What a help shows is done to the program that it is about, and the finding is gone.

Machine fixes are applied by `test_fixes`; `tests/golden/mended.txt` holds what a person would do.
"""

from __future__ import annotations

import re

import pytest

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from tests.compiler import mended

SHOWS_CODE = re.compile(r"`[^`]+`")
WAYS = mended.ways()


def asks_for_code(found: Diagnostic) -> bool:
    """Whether a help shows code that no machine puts in, in this text and no other file's."""
    here = not found.labels or found.labels[0].span.source.name == mended.HERE.name
    return here and not found.fixes and bool(SHOWS_CODE.search(found.help or ""))


HELPED = {
    name: [d for d in mended.findings(text) if asks_for_code(d)]
    for name, text in mended.PROGRAMS.items()
}


def test_every_help_that_shows_code_is_followed() -> None:
    assert {name for name, found in HELPED.items() if found} == WAYS.keys()


@pytest.mark.parametrize("name", [name for name in WAYS if name in HELPED])
def test_who_follows_a_help_is_helped(name: str) -> None:
    text = mended.PROGRAMS[name]
    before = mended.findings(text)
    left = mended.told(HELPED[name])
    for way in WAYS[name]:
        after = mended.findings(mended.edited(text, way))
        gone = mended.told(before) - mended.told(after)
        assert gone & mended.told(HELPED[name])
        assert mended.brought(before, after, gone) == mended.told([])
        left -= gone
    assert left == mended.told([])


def test_an_edit_that_does_not_help_is_seen() -> None:
    text = mended.PROGRAMS["not_scalar"]
    before = mended.findings(text)
    same = mended.findings(mended.edited(text, ["x ** 2 → x ** 3"]))
    assert not mended.told(before) - mended.told(same)
    other = mended.findings(mended.edited(text, ["x ** 2 → summ(x)"]))
    assert mended.brought(before, other, mended.told(before) - mended.told(other))

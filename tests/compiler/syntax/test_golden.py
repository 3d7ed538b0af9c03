from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmlang.compiler.diagnostics import codes
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import MAX_CHARACTERS, parse

FOLDER = Path(__file__).parents[2] / "golden" / "syntax"
CODE = re.compile(r"DGM01\d\d")


def printed(source: Source) -> str:
    return "\n\n".join(render(d) for d in parse(source)[1]) + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.dgm")), ids=lambda p: p.stem)
def test_diagnostics(path: Path, golden: Callable[[Path, str], None]) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    golden(path.with_suffix(".txt"), printed(source))


def test_long_file(golden: Callable[[Path, str], None]) -> None:
    source = Source("long.dgm", "# line\n" * (MAX_CHARACTERS // 7 + 1))
    golden(FOLDER / "too_long.txt", printed(source))


def test_every_code_has_a_golden_case() -> None:
    words = Path(*codes.__path__) / "syntax.py"
    declared = set(CODE.findall(words.read_text(encoding="utf-8")))
    shown = {
        code for path in FOLDER.glob("*.txt") for code in CODE.findall(path.read_text("utf-8"))
    }
    assert declared == shown

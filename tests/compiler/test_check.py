from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmlang.compiler.diagnostics import codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.files import placed
from dgmlang.compiler.pipeline import compile_source

FOLDER = Path(__file__).parents[1] / "golden" / "check"
CODE = re.compile(r"DGM0[239]\d\d")
SEVERAL = {"several", "idle"}
"""Cases that hold more than one mistake."""

ELSEWHERE = {"DGM0205", "DGM0208", "DGM0209", "DGM0210", "DGM0213", "DGM0291"}
"""Codes about settings, files and what runs rather than texts: held beside those."""


def findings(path: Path) -> tuple[Diagnostic, ...]:
    source = placed(path, path.name, path.read_text(encoding="utf-8"))
    try:
        return compile_source(source)[1].warnings
    except DgmError as error:
        return error.diagnostics


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.dgm")), ids=lambda p: p.stem)
def test_diagnostics(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), "\n\n".join(map(render, findings(path))) + "\n")


@pytest.mark.parametrize(
    "path", [p for p in sorted(FOLDER.glob("*.dgm")) if p.stem not in SEVERAL], ids=lambda p: p.stem
)
def test_one_mistake_brings_one_message(path: Path) -> None:
    assert len(findings(path)) == 1


def test_every_code_has_a_golden_case() -> None:
    folder = Path(*codes.__path__)
    words = "".join(
        (folder / f"{name}.py").read_text("utf-8")
        for name in (
            "names",
            "imports",
            "types",
            "calls",
            "laws",
            "companions",
            "chosen",
            "loops",
            "nested",
            "fields",
        )
    )
    shown = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.txt"))
    assert set(CODE.findall(words)) - ELSEWHERE == set(CODE.findall(shown))


def test_every_error_says_what_to_do() -> None:
    """Each finding that some golden file holds ends in a help line (the design's section 9)."""
    shown = "".join(path.read_text("utf-8") for path in FOLDER.parent.rglob("*.txt"))
    found = re.split(r"(?m)^(?=(?:error|warning)\[DGM\d+\]: )", shown)[1:]
    assert len(found) > 800
    assert [one.splitlines()[0] for one in found if "   = help: " not in one] == []


def test_every_code_stands_in_some_golden_file() -> None:
    """A message that no file shows is one that nobody has read."""
    words = "".join(path.read_text("utf-8") for path in Path(*codes.__path__).glob("*.py"))
    shown = "".join(path.read_text("utf-8") for path in FOLDER.parent.rglob("*.txt"))
    every = re.compile(r"DGM\d{4}")
    assert set(every.findall(words)) - set(every.findall(shown)) == set()

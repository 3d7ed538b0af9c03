"""What the README shows in Python runs as it stands there; `test_console.py` runs its commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, word: str) -> str:
    """The first fenced block of a language that mentions a word."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.S)
    return next(text for text in found if word in text)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python(desk: Path) -> None:
    text = block("python", "dgm.load").replace("20_000", "20").replace("k = 512", "k = 8")
    names: dict[str, object] = {}
    run = compile(text, "README.md", "exec")
    exec(run, names)
    assert (desk / "runs" / "vae" / "run.json").exists()

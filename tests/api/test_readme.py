"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dgmlang.cli.main import main

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


def test_commands(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line[2:] for line in block("console", "dgm train").splitlines()]
    for line in lines:
        arguments = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)[1:]]
        if arguments[0] == "train":
            arguments += ["--steps", "20", "--set", "hidden=[16]"]
        assert main(arguments) == 0, capsys.readouterr().err
    assert (desk / "samples.png").exists()

"""`dgm fmt` writes a whole layout or nothing."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import POINTS, Dgm

LOOSE = POINTS.replace("param loc :", "param  loc:")
NEAT = """model Points(d: int) {
  param loc   : real[d]
  param scale : positive[d]
  data  x     : real[d] ~ Normal(loc, scale)
}
"""


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    path = tmp_path / "loose.dgm"
    path.write_text(LOOSE, encoding="utf-8")
    return path


def test_files_are_laid_out_in_place(dgm: Dgm, loose: Path) -> None:
    loose.chmod(0o640)
    assert dgm("fmt", loose) == (0, f"{loose} is formatted now\n", "")
    assert loose.read_text(encoding="utf-8") == NEAT
    assert loose.stat().st_mode & 0o777 == 0o640
    before = loose.stat().st_mtime_ns
    assert dgm("fmt", loose) == (0, "", "")
    assert loose.stat().st_mtime_ns == before
    assert [p.name for p in loose.parent.iterdir()] == [loose.name]


def test_line_ends_of_other_systems_become_ours(dgm: Dgm, tmp_path: Path) -> None:
    path = tmp_path / "crlf.dgm"
    path.write_bytes(b"\xef\xbb\xbf" + NEAT.replace("\n", "\r\n").encode())
    assert dgm("fmt", "--check", path)[0] == 1
    assert dgm("fmt", path)[0] == 0
    assert path.read_bytes() == NEAT.encode()


def test_links_stay_links(dgm: Dgm, loose: Path) -> None:
    link = loose.with_name("link.dgm")
    link.symlink_to(loose)
    assert dgm("fmt", link)[0] == 0
    assert link.is_symlink()
    assert loose.read_text(encoding="utf-8") == NEAT


@pytest.mark.parametrize("flag", ["--check", "--diff"])
def test_looking_writes_nothing(dgm: Dgm, loose: Path, flag: str) -> None:
    status, out, _ = dgm("fmt", flag, loose)
    assert status == 1
    assert loose.read_text(encoding="utf-8") == LOOSE
    assert ("-  param  loc: real[d]" in out) == (flag == "--diff")
    assert ("would change" in out) == (flag == "--check")
    dgm("fmt", loose)
    assert dgm("fmt", flag, loose)[0] == 0


def test_what_does_not_parse_keeps_its_text_and_the_others_are_done(dgm: Dgm, loose: Path) -> None:
    wrong = loose.with_name("wrong.dgm")
    wrong.write_text("model A {\n  data x ~ y\n}\n", encoding="utf-8")
    status, out, said = dgm("fmt", wrong, loose)
    assert status == 1
    assert "error[DGM0101]" in said
    assert wrong.read_text(encoding="utf-8") == "model A {\n  data x ~ y\n}\n"
    assert out == f"{loose} is formatted now\n"


def test_what_cannot_be_read_or_written_is_said(
    dgm: Dgm, loose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (loose.with_name("none.dgm"), loose.parent):
        status, _, said = dgm("fmt", path)
        assert (status, "error[DGM0208]" in said) == (1, True)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    status, _, said = dgm("fmt", loose)
    assert (status, "error[DGM0605]" in said) == (1, True)
    assert loose.read_text(encoding="utf-8") == LOOSE
    assert [p.name for p in loose.parent.iterdir()] == [loose.name]


def test_standard_input_goes_to_standard_output(dgm: Dgm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOOSE.encode())))
    assert dgm("fmt", "-") == (0, NEAT, "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert dgm("fmt", "-")[0] == 1


def test_upgrading_says_the_version_and_refuses_newer_ones(dgm: Dgm, loose: Path) -> None:
    assert dgm("fmt", "--upgrade", loose)[0] == 0
    assert loose.read_text(encoding="utf-8") == f"dgm 1\n{NEAT}"
    assert dgm("fmt", "--upgrade", "--check", loose)[0] == 0
    loose.write_text(f"dgm 2\n{NEAT}", encoding="utf-8")
    status, _, said = dgm("fmt", "--upgrade", loose)
    assert (status, "error[DGM0110]" in said) == (1, True)
    assert loose.read_text(encoding="utf-8") == f"dgm 2\n{NEAT}"

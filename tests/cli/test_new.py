"""`dgm new`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgmlang.cli.new import examples
from tests.cli.conftest import Dgm


def test_a_program_begins_as_an_example_of_its_own_name(dgm: Dgm, tmp_path: Path) -> None:
    file = tmp_path / "made" / "my_model.dgm"
    status, out, err = dgm("new", file, "--like", "gmm")
    assert (status, err) == (0, "")
    assert f"dgm check {file}" in out
    assert "model MyModel(K: int = 10, d: int) {" in file.read_text(encoding="utf-8")
    assert dgm("check", file)[0] == 0


@pytest.mark.parametrize("name", examples())
def test_every_example_can_be_begun_from(dgm: Dgm, tmp_path: Path, name: str) -> None:
    file = tmp_path / "mine.dgm"
    assert dgm("new", file, "--like", name)[0] == 0
    assert dgm("check", file, "--strict")[0] == 0


def test_without_a_file_the_examples_are_listed(dgm: Dgm) -> None:
    status, out, _ = dgm("new")
    assert status == 0
    assert len(out.splitlines()) == len(examples())
    assert "A mixture of Gaussians." in out


def test_nothing_is_overwritten(dgm: Dgm, tmp_path: Path) -> None:
    file = tmp_path / "mine.dgm"
    file.write_text("kept", encoding="utf-8")
    status, _, err = dgm("new", file)
    assert status == 2
    assert "is there already" in err
    assert file.read_text(encoding="utf-8") == "kept"


def test_an_unknown_example_gets_the_near_one(dgm: Dgm, tmp_path: Path) -> None:
    status, _, err = dgm("new", tmp_path / "mine.dgm", "--like", "vaee")
    assert status == 2
    assert "did you mean vae?" in err


def test_a_file_that_is_no_name_keeps_the_examples(dgm: Dgm, tmp_path: Path) -> None:
    dgm("new", tmp_path / "1.dgm", "--like", "gmm")
    assert "model GMM(" in (tmp_path / "1.dgm").read_text(encoding="utf-8")

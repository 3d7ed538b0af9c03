"""`emit` and `doc`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Dgm


@pytest.mark.parametrize(
    ("stage", "sign"),
    [
        ("ast", "- Model"),
        ("program", "extern: Normal"),
        ("facts", "density: Facet(value = 'exact')"),
        ("plan", "default_objective: 'mle'"),
        ("latex", r"\begin{align*}"),
        ("graph", "<svg"),
    ],
)
def test_the_front_end_stages_take_open_dimensions(
    dgm: Dgm, program: Path, stage: str, sign: str
) -> None:
    status, out, err = dgm("emit", program, "--stage", stage)
    assert (status, err) == (0, "")
    assert sign in out


@pytest.mark.parametrize(
    ("stage", "sign"), [("jaxpr", "f32[3,2]"), ("stablehlo", "tensor<3x2xf32>")]
)
def test_what_jax_sees(dgm: Dgm, program: Path, stage: str, sign: str) -> None:
    status, out, _ = dgm("emit", program, "--stage", stage, "--set", "d=2", "--batch", 3)
    assert status == 0
    assert sign in out


def test_companions_of_an_objective_are_arguments_too(dgm: Dgm, program: Path) -> None:
    arguments = ("emit", program, "--set", "d=2", "--stage", "jaxpr", "--objective")
    status, out, err = dgm(*arguments, "mle + 0.1 * nce")
    assert (status, err) == (0, "")
    assert "f32[3,2]" not in out  # two examples of two entries
    assert "f32[2,2]" in out


def test_an_open_dimension_is_named_before_lowering(dgm: Dgm, program: Path) -> None:
    status, out, err = dgm("emit", program, "--stage", "jaxpr")
    assert (status, out) == (1, "")
    assert "DGM0420" in err


def test_out_writes_the_file_whole(dgm: Dgm, program: Path, tmp_path: Path) -> None:
    target = tmp_path / "made" / "graph.svg"
    status, out, _ = dgm("emit", program, "--stage", "graph", "--out", target)
    assert (status, out.strip()) == (0, str(target))
    assert target.read_text(encoding="utf-8").endswith("</svg>\n")


def test_out_that_cannot_be_written(dgm: Dgm, program: Path) -> None:
    status, _, err = dgm("emit", program, "--stage", "ast", "--out", program / "x.txt")
    assert status == 1
    assert "DGM0605" in err


def test_an_unknown_stage_is_a_usage_error(dgm: Dgm, program: Path) -> None:
    assert dgm("emit", program, "--stage", "assembler")[0] == 2


def test_an_illegal_objective_is_refused(dgm: Dgm, program: Path) -> None:
    status, _, err = dgm("emit", program, "--stage", "latex", "--objective", "elbo")
    assert status == 1
    assert "DGM0412" in err


def test_doc_of_a_name_a_file_and_everything(dgm: Dgm, program: Path) -> None:
    assert "Normal(loc: real = 0" in dgm("doc", "Normal")[1]
    assert "model  Points(d: int)" in dgm("doc", program)[1]
    assert "distribution\n  Normal" in dgm("doc")[1]


def test_doc_of_a_misspelt_name_suggests_the_near_one(dgm: Dgm) -> None:
    status, _, err = dgm("doc", "Norml")
    assert status == 2
    assert "did you mean Normal?" in err


def test_doc_of_a_file_that_is_not_there(dgm: Dgm) -> None:
    status, _, err = dgm("doc", "absent.dgm")
    assert status == 1
    assert "DGM0208" in err

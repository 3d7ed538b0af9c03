"""`train`, `sample` and `eval`: what they leave, and what they refuse."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Dgm, points, saved

PNG = b"\x89PNG"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ── train ────────────────────────────────────────────────────────────────────────────────────────


def test_train_says_where_the_run_is_and_what_next(
    dgm: Dgm, program: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("train", program, "--data", table, "--steps", "20", "--batch", "32")
    status, out, err = dgm(*arguments, "--valid", "0.25", "--seed", "1")
    assert status == 0
    assert "20 steps" in out
    assert "best held-out loss" in out
    assert "dgm sample runs/points -n 64" in out
    assert "step 20 of 20" in err
    assert (tmp_path / "runs" / "points").is_dir()
    status, out, _ = dgm(*arguments)
    assert "kept in runs/points-2" in out


def test_flags_reach_fit(dgm: Dgm, program: Path, table: Path, tmp_path: Path) -> None:
    status, out, _ = dgm(
        "train", program, "--data", table, "--objective", "mle", "--optimizer",
        "sgd(learning_rate = 1e-3)", "--epochs", "2", "--batch", "16", "--freeze", "loc",
        "--prepare", "x = standardize(x)", "--out", tmp_path / "run",
    )  # fmt: skip
    assert status == 0
    assert out.startswith("mle, 8 steps: negative log-likelihood, exact: ")


def test_the_length_is_said_once(dgm: Dgm, program: Path, table: Path) -> None:
    status, out, err = dgm("train", program, "--data", table, "--steps", 10, "--epochs", 2)
    assert (status, out) == (2, "")
    assert "not allowed with" in err


def test_each_player_has_its_loss(dgm: Dgm, tmp_path: Path) -> None:
    gan = Path(__file__).parents[2] / "examples" / "gan.dgm"
    status, out, _ = dgm("train", gan, "--data", "moons", "--steps", 2, "--out", tmp_path / "run")
    assert status == 0
    assert re.match(r"gan, 2 steps: adversarial losses, not a likelihood: \w+ \S+, \w+ \S+\n", out)


def test_a_table_of_columns(dgm: Dgm, program: Path, tmp_path: Path) -> None:
    np.savetxt(tmp_path / "x.csv", points(40), delimiter=",")
    status, _, err = dgm(
        "train", program, "--data", tmp_path / "x.csv", "--steps", "5", "--batch", "8",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert (status, "error" in err) == (0, False)


def test_an_occupied_folder_loses_nothing(
    dgm: Dgm, program: Path, table: Path, trained: Path
) -> None:
    before = files(trained)
    arguments = (
        "train",
        program,
        "--data",
        table,
        "--steps",
        "5",
        "--batch",
        "8",
        "--out",
        trained,
    )
    status, _, err = dgm(*arguments)
    assert status == 1
    assert "folder in use" in err
    assert "--replace" in err
    assert files(trained) == before


def test_replace_overwrites(
    dgm: Dgm, program: Path, table: Path, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    arguments = ("train", program, "--data", table, "--steps", "5", "--batch", "8", "--replace")
    status, out, _ = dgm(*arguments, "--out", tmp_path / "run")
    assert status == 0
    assert "5 steps" in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--objective", "elbo"), "elbo"),
        (("--objective", "mel"), "write `mle`"),
        (("--optimizer", "adma(learning_rate = 1e-3)"), "write `adam`"),
        (("--recipe", "fast"), "recipe"),
        (("--freeze", "decoder"), "decoder"),
        (("--set", "D=2"), "write `d`"),
        (("--set", "d=3"), "shape"),
        (("--batch", "65"), "fewer examples than a batch"),
        (("--prepare", "x = standardise(x)"), "write `standardize`"),
    ],
)
def test_what_train_refuses(
    dgm: Dgm, program: Path, table: Path, tmp_path: Path, flags: tuple[str, str], words: str
) -> None:
    status, out, err = dgm("train", program, "--data", table, "--out", tmp_path / "run", *flags)
    assert (status, out) == (1, "")
    assert err.startswith("error[DGM")
    assert words in err
    assert not (tmp_path / "run").exists()


def test_data_that_train_refuses(dgm: Dgm, program: Path, tmp_path: Path) -> None:
    holed = points(64)
    holed[5, 1] = np.nan
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "text.csv").write_text("a,b\n1,2\n3,red\n", encoding="utf-8")
    cases = {
        saved(tmp_path / "holed.npy", holed): "row 5",
        saved(tmp_path / "cube.npy", np.zeros((8, 2, 2), np.float32)): "wrong shape",
        saved(tmp_path / "none.npy", np.zeros((0, 2), np.float32)): "empty data",
        tmp_path / "cut.npz": "cannot read data",
        tmp_path / "text.csv": "`red`",
        tmp_path / "absent.npy": "absent.npy",
        "mons": "write `moons`",
    }
    for data, words in cases.items():
        status, out, err = dgm("train", program, "--data", data, "--out", tmp_path / "run")
        assert (status, out) == (1, ""), data
        assert words in err, data
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_be_written(dgm: Dgm, program: Path, table: Path) -> None:
    inside_a_file = table / "run"
    arguments = ("train", program, "--data", table, "--steps", "5", "--batch", "8")
    status, _, err = dgm(*arguments, "--out", inside_a_file)
    assert status == 1
    assert "cannot write" in err


def test_ctrl_c_keeps_a_run_that_can_go_on(
    dgm: Dgm, program: Path, table: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    code = "import sys; from dgmlang.cli.main import main; sys.exit(main())"
    arguments = ["train", program, "--data", table, "--batch", "8", "--steps", "20000000"]
    started = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments), "--out", str(run)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stderr is not None
    for line in started.stderr:
        if line.startswith("step"):  # the loop runs, and listens to signals
            break
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, ""), err
    assert "training interrupted" in err
    assert f"--resume {run}" in err
    status, _, _ = dgm("sample", run)
    assert status == 0


# ── sample ───────────────────────────────────────────────────────────────────────────────────────


def test_sample_into_files(dgm: Dgm, trained: Path, tmp_path: Path) -> None:
    arrays, picture = tmp_path / "deep" / "x.npz", tmp_path / "x.png"
    status, out, _ = dgm("sample", trained, "-n", 5, "--out", arrays, "--plot", picture)
    assert status == 0
    assert "x [5, 2]" in out
    assert f"made {tmp_path / 'deep'}" in out
    assert np.load(arrays)["x"].shape == (5, 2)
    assert picture.read_bytes().startswith(PNG)


def test_sample_prints_the_same_for_the_same_seed(dgm: Dgm, trained: Path) -> None:
    one, again, other = (dgm("sample", trained, "-n", 3, "--seed", s)[1] for s in (1, 1, 2))
    assert one.startswith("x [3, 2]\n")
    assert one == again != other


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--sampler", "gibbs"), "not legal here"),
        (("--sampler", "ancestrl"), "write `ancestral`"),
        (("--given", "y=3"), "`y`"),
        (("--plot", "x.jpeg2"), "help: end the name in one of "),
        (("--plot", "/dev/null/x.png"), "cannot write"),
        (("--out", "/dev/null/x.npz"), "cannot write"),
    ],
)
def test_what_sample_refuses(dgm: Dgm, trained: Path, flags: tuple[str, str], words: str) -> None:
    status, out, err = dgm("sample", trained, *flags)
    assert (status, out) == (1, "")
    assert words in err


@pytest.mark.parametrize("text", ["foo", "[1, foo]", "[[1, 2], [3]]", "true and"])
def test_what_is_given_are_numbers(dgm: Dgm, trained: Path, text: str) -> None:
    status, out, err = dgm("sample", trained, "--given", f"c={text}")
    assert (status, out) == (2, "")
    assert text in err


def test_run_folders_that_are_none(dgm: Dgm, trained: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(trained, cut)
    for array in cut.glob("*.npz"):
        array.write_bytes(array.read_bytes()[:100])
    for folder, words in [
        (cut, "damaged run"),
        (tmp_path, "not a run folder"),
        (tmp_path / "absent", "no such run"),
    ]:
        for command in (("sample", folder), ("eval", folder, "--data", "moons")):
            status, out, err = dgm(*command)
            assert (status, out) == (1, "")
            assert words in err


# ── eval ─────────────────────────────────────────────────────────────────────────────────────────


def test_eval_gives_each_number_its_kind(dgm: Dgm, trained: Path, table: Path) -> None:
    status, out, _ = dgm("eval", trained, "--data", table)
    assert status == 0
    assert "log p(x), nats" in out
    assert out.splitlines()[0].split()[-1] == "exact"
    assert "exact: exact" not in out
    assert "parameters" in out
    status, by_name, _ = dgm("eval", trained, "--data", table, "--method", "exact")
    assert status == 0
    assert by_name.splitlines()[0].split()[:4] == out.splitlines()[0].split()[:4]


def test_eval_of_data_of_another_shape(
    dgm: Dgm, program: Path, table: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = ("train", program, "--data", table, "--steps", 2, "--batch", 8, "--out", run)
    assert dgm(*arguments, "--prepare", "x = standardize(x)")[0] == 0
    for number, shape in enumerate([(5, 8, 8), (5, 3), (5, 1), (5,)]):
        other = saved(tmp_path / f"{number}.npy", np.ones(shape, np.float32))
        status, out, err = dgm("eval", run, "--data", other)
        assert (status, out) == (1, "")
        assert "error[DGM0512]" in err
        assert f"Expected [2] in each example; found {list(shape[1:])}" in err


def test_eval_refuses_a_bound_where_there_is_none(dgm: Dgm, trained: Path, table: Path) -> None:
    status, _, err = dgm("eval", trained, "--data", table, "--method", "iwae(k = 8)")
    assert status == 1
    assert "iwae" in err

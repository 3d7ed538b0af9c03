"""`predict`, `impute`, `anomaly` and `mode` of a run folder, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Dgm, points, saved


def test_what_is_missing_is_filled_in(dgm: Dgm, trained: Path, tmp_path: Path) -> None:
    holed = points(8)
    holed[3, 1] = np.nan
    data = saved(tmp_path / "holed.npy", holed)
    status, out, _ = dgm("impute", trained, "--data", data, "--out", tmp_path / "x.npz")
    full = np.load(tmp_path / "x.npz")["x"]
    assert status == 0
    assert "exact" in out
    assert np.isfinite(full).all()
    known = np.isfinite(holed)
    assert np.array_equal(full[known], holed[known])


def test_a_law_and_a_rank(dgm: Dgm, trained: Path, table: Path) -> None:
    status, out, _ = dgm("predict", trained, "x")
    assert status == 0
    assert out.startswith("mean [1, 2]\n")
    status, out, _ = dgm("anomaly", trained, "--data", table, "--reference", table)
    assert status == 0
    assert "area under the ROC curve" in out
    assert "estimate" in out.splitlines()[-1]


def test_the_most_likely_values(dgm: Dgm, tmp_path: Path) -> None:
    file, run = tmp_path / "sides.dgm", tmp_path / "run"
    file.write_text(SIDES, encoding="utf-8")
    data = saved(tmp_path / "x.npy", np.array([-4, 4, 5, -3], np.float32))
    assert dgm("train", file, "--data", data, "--steps", "2", "--batch", "2", "--out", run)[0] == 0
    status, out, _ = dgm("mode", run, "--given", f"x={data}", "--out", tmp_path / "k.npz")
    assert status == 0
    assert out.splitlines()[-1].startswith("exact: ")
    assert np.load(tmp_path / "k.npz")["k"].tolist() == [0, 1, 1, 0]
    wide = saved(tmp_path / "wide.npy", np.zeros((4, 3), np.float32))
    holed = saved(tmp_path / "holed.npy", np.full(4, np.nan, np.float32))
    for more, code in (
        ((), "DGM0840"),
        (("--given", f"x={wide}"), "wrong shape"),
        (("--given", f"x={holed}"), "DGM0517"),
        (("--given", f"x={data}", "--out", file / "k.npz"), "DGM0605"),
    ):
        status, out, err = dgm("mode", run, *more)
        assert (status, out) == (1, "")
        assert code in err


SIDES = """
model Sides {
  param s : positive
  latent k : bit ~ Bernoulli(0.5)
  data x : real ~ Normal(8 * k - 4, s)
}
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mode", "--given", "x=absent.npy"), "no such file"),
        (("predict", "y"), "no variable is called `y`"),
        (("predict", "x", "--given", "x=absent.npy"), "no such file"),
        (("impute", "--data", "three.npy"), "wrong shape"),
        (("impute", "--data", "whole.npy"), "nothing is missing"),
        (("anomaly", "--data", "holed.npy"), "found nan in row 0"),
    ],
)
def test_what_queries_refuse(
    dgm: Dgm, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "three.npy", np.zeros((4, 3), np.float32))
    saved(tmp_path / "whole.npy", np.zeros((4, 2), np.float32))
    saved(tmp_path / "holed.npy", np.full((4, 2), np.nan, np.float32))
    status, out, err = dgm(arguments[0], trained, *arguments[1:])
    assert (status, out) == (1, "")
    assert words in err

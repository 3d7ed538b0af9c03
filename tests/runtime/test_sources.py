"""A program of several files in a run folder: all of them, so that none is needed to restore it."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.pipeline import compile_source, read
from dgmlang.runtime.sources import difference, packed, unpacked

MAIN = """use "shared/nets.dgm": Mean as F
model M(d: int) {
  given c : real[d]
  data  x : real[d] ~ Normal(F(c), 1)
}
"""
NETS = 'use "../blocks.dgm": block\nnet Mean(c: real[d]) -> real[d] = c |> block(2)\n'
BLOCKS = "let block(n) = mlp([4]) |> mlp([2 * n])\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    (folder / "shared").mkdir(parents=True)
    (folder / "main.dgm").write_text(MAIN, encoding="utf-8")
    (folder / "shared" / "nets.dgm").write_text(NETS, encoding="utf-8")
    (folder / "blocks.dgm").write_text(BLOCKS, encoding="utf-8")
    return folder


def data(n: int = 64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(n, 2)).astype(np.float32) for name in ("c", "x")}


def test_a_run_restores_and_resumes_without_the_program(tree: Path, tmp_path: Path) -> None:
    settings = {"batch": 16, "seed": 3, "optimizer": "adam(1e-2)"}
    model = dgm.load(tree / "main.dgm")
    whole = model.fit(data(), steps=12, **settings)
    part = model.fit(data(), steps=6, out=tmp_path / "run", **settings)
    part.save(tmp_path / "saved")
    rmtree(tree)
    for folder in ("run", "saved"):
        fit = dgm.restore(tmp_path / folder)
        np.testing.assert_array_equal(
            fit.sample(4, given={"c": [1.0, 2.0]}, seed=1),
            part.sample(4, given={"c": [1.0, 2.0]}, seed=1),
        )
    again = dgm.restore(tmp_path / "run").model
    resumed = again.fit(data(), steps=12, resume=tmp_path / "run")
    np.testing.assert_array_equal(
        resumed.params["F"]["mlp"]["0"]["kernel"], whole.params["F"]["mlp"]["0"]["kernel"]
    )


def test_each_file_must_be_the_one_of_the_run(tree: Path, tmp_path: Path) -> None:
    dgm.load(tree / "main.dgm").fit(data(), steps=2, batch=16, out=tmp_path / "run")
    for changed in ("main.dgm", "shared/nets.dgm", "blocks.dgm"):
        file = tree / changed
        before = file.read_text("utf-8")
        file.write_text(before + "# more\n", encoding="utf-8")
        model = dgm.load(tree / "main.dgm")
        with pytest.raises(dgm.DgmError, match=rf"DGM0608(.*\n)*.*{changed}"):
            model.fit(data(), steps=4, resume=tmp_path / "run")
        file.write_text(before, encoding="utf-8")


def test_texts_come_back_and_the_same_file_is_one(tree: Path) -> None:
    source = read(tree / "main.dgm")
    compile_source(source)
    saved = packed(source)
    assert [Path(one["name"]).name for one in saved] == ["main.dgm", "nets.dgm", "blocks.dgm"]
    assert difference(source, unpacked(saved)) is None
    assert difference(source, unpacked([{**saved[0], "text": "model M { }"}, *saved[1:]]))
    moved = [{**one, "name": f"elsewhere/{i}"} for i, one in enumerate(saved)]
    assert difference(source, unpacked(moved)) is None


def test_a_run_of_one_file_from_before_restores(tmp_path: Path) -> None:
    import json

    model = dgm.parse("model M { param m : real\n data x : real ~ Normal(m, 1) }")
    model.fit(data()["x"][:, 0], steps=2, batch=16, out=tmp_path / "run")
    record = tmp_path / "run" / "run.json"
    held = json.loads(record.read_text("utf-8"))
    del held["header"]["files"]
    record.write_text(json.dumps(held), encoding="utf-8")
    assert dgm.restore(tmp_path / "run").model.name == "M"

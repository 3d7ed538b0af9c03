"""Tables read by `columns`: which column is which variable, and labels as levels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dgmlang as dgm
from dgmlang.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden" / "input"
PROGRAM = """model Species(K: int = 3) {
  param p : simplex(K)
  param m : real[K, 2]
  data y : cat(K)  ~ Categorical(p)
  data x : real[2] ~ Normal(m[y], 1)
}
"""
COLUMNS = {"x": ["age", "bmi"], "y": "kind"}
RNG = np.random.default_rng(0)
KINDS = RNG.permutation(["cod", "eel", "ray"] * 8)
FRAME = pd.DataFrame(
    {"note": ["n/a?"] * 24, "bmi": RNG.normal(size=24), "kind": KINDS, "age": RNG.normal(size=24)}
)
ARRAYS = {"x": FRAME[["age", "bmi"]].to_numpy(), "y": np.unique(KINDS, return_inverse=True)[1]}


def fit(data: Any = FRAME, **settings: Any) -> dgm.Fitted:
    how: Any = {"steps": 20, "columns": COLUMNS, **settings}
    return dgm.parse(PROGRAM).fit(data, **how)


@pytest.fixture(scope="module")
def fitted() -> dgm.Fitted:
    return fit()


@pytest.fixture
def table(tmp_path: Path) -> str:
    FRAME.to_csv(tmp_path / "fish.csv", index=False)
    return str(tmp_path / "fish.csv")


def test_columns_are_the_arrays(fitted: dgm.Fitted, table: str) -> None:
    plain = fit(ARRAYS, columns=None)
    for other in (fitted, fit(table), fit(table, columns="y=kind x=age,bmi")):
        assert np.array_equal(other.raw["m"], plain.raw["m"])
    assert np.array_equal(fit(dict(FRAME)).raw["m"], plain.raw["m"])


def test_queries_read_the_same_columns(fitted: dgm.Fitted, table: str) -> None:
    expected = fitted.log_prob(ARRAYS)
    labelled = {"x": ARRAYS["x"], "y": KINDS}
    for data in (FRAME, table, labelled, FRAME.drop(columns="note")):
        assert np.array_equal(fitted.log_prob(data), expected)
    moved = FRAME.assign(kind=np.roll(KINDS, 1))
    assert not np.array_equal(fitted.log_prob(moved), expected)


def test_labels_come_back(fitted: dgm.Fitted) -> None:
    drawn = fitted.sample(200, seed=1)
    assert set(drawn["y"].tolist()) == {"cod", "eel", "ray"}
    levels = fitted.draws(200, seed=1)["y"]
    assert np.array_equal(np.array(["cod", "eel", "ray"])[levels], drawn["y"])


def test_a_run_folder_keeps_columns_and_labels(tmp_path: Path, fitted: dgm.Fitted) -> None:
    fit(out=tmp_path / "run")
    fitted.save(tmp_path / "saved")
    for folder in ("run", "saved"):
        again = dgm.restore(tmp_path / folder)
        assert np.array_equal(again.log_prob(FRAME), fitted.log_prob(FRAME))
        assert again.sample(3)["y"].dtype.kind == "U"
    resumed = fit(resume=tmp_path / "run", columns=None)
    assert resumed.inlet.columns == fitted.inlet.columns


def test_held_out_labels_are_of_all_the_data() -> None:
    rare = FRAME.assign(kind=["sole", *KINDS[1:]])
    for seed in range(3):
        model = dgm.parse(PROGRAM, K=4)
        found = model.fit(rare, columns=COLUMNS, valid=0.5, seed=seed, steps=2)
        assert len(found.inlet.columns.labels["y"]) == 4


def test_numbers_stay_numbers() -> None:
    numbers = FRAME.assign(kind=ARRAYS["y"].astype(str))
    found = fit(numbers)
    assert found.inlet.columns.labels == {}
    assert np.array_equal(found.raw["m"], fit().raw["m"])


def test_a_variable_left_out_has_its_own_column() -> None:
    found = fit(FRAME.rename(columns={"kind": "y"}), columns="x=age,bmi")
    assert np.array_equal(found.raw["m"], fit().raw["m"])


def test_a_bit_has_labels() -> None:
    program = "model M {\n  param p : unit\n  data b : bit ~ Bernoulli(p)\n}\n"
    frame = pd.DataFrame({"smokes": ["yes", "no", "no", "no"]})
    found = dgm.parse(program).fit(frame, columns={"b": "smokes"}, steps=200, optimizer="sgd(1.0)")
    assert float(found.params["p"]) == pytest.approx(0.25, abs=0.02)
    assert set(found.sample(50).tolist()) == {"yes", "no"}


def test_columns_with_a_column_of_weights() -> None:
    weights = np.arange(24.0)
    by_name = fit(FRAME.assign(w=weights), sample_weight="w")
    assert np.array_equal(by_name.raw["m"], fit(sample_weight=weights).raw["m"])


def test_the_command_line(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fish.dgm").write_text(PROGRAM)
    out = str(tmp_path / "run")
    train = ["train", str(tmp_path / "fish.dgm"), "--data", table, "--steps", "20", "--out", out]
    assert main([*train, "--columns", "x=age,bmi y=kind"]) == 0
    assert main(["eval", out, "--data", table]) == 0
    assert main(["sample", out, "-n", "3"]) == 0
    assert "'eel'" in capsys.readouterr().out


CASES: dict[str, Any] = {
    "columns_misspelt": {"columns": {"x": ["age", "bim"], "y": "kind"}},
    "columns_of_no_variable": {"columns": {"x": ["age", "bmi"], "yy": "kind"}},
    "columns_of_text": {"columns": {"x": ["age", "note2"], "y": "kind"}},
    "columns_in_no_form": {"columns": "x=age,bmi kind"},
    "columns_none": {"columns": {"x": []}},
    "columns_without_names": {"data": np.zeros((4, 2))},
    "columns_too_many": {"columns": {"x": ["age", "bmi", "age2"], "y": "kind"}},
    "columns_levels": {"data": FRAME.assign(kind=[f"k{i % 4}" for i in range(24)])},
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    frame = FRAME.assign(note2="some words", age2=1.0)
    with pytest.raises(dgm.DgmError) as caught:
        fit(**{"data": frame, **CASES[name]})
    assert len(caught.value.diagnostics) == 1
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_an_unknown_label(fitted: dgm.Fitted, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        fitted.log_prob(FRAME.assign(kind=["eell", *KINDS[1:]]))
    golden(GOLDEN / "columns_unknown_label.txt", f"{caught.value}\n")

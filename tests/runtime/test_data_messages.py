"""What a person reads where data do not fit a program: one golden text a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dgmlang.compiler.diagnostics.codes import data, reading
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.diagnostics.render import render
from dgmlang.runtime.intake import take_in
from tests.runtime.programs import prepare, variables

GOLDEN = Path(__file__).parent.parent / "golden" / "data"

PICTURE = "data x : bit[8, 8] ~ Bernoulli(0.5)"
BITS = "data x : bit[3] ~ Bernoulli(0.5)"
REALS = "data x : real[2] ~ Normal(0, 1)"
OPEN = "d: int | data x : real[d] ~ Normal(0, 1)"
TAGS = "given x : cat(2)[<= 3]; for t in 0..len(x) { data y[t] : bit ~ Bernoulli(0.5) }"
PAIR = "given features : real[2]; data label : cat(3) ~ Categorical(uniform(3))"

ones = np.ones((4, 3))
digits = np.random.default_rng(0).integers(0, 17, (5, 8, 8))

LABELLED = pd.DataFrame({name: [0.0, 1.0] for name in ("id", "a", "b", "label")})


def put(array: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    changed = array.astype(float)
    changed[place] = value
    return changed


CASES: dict[str, tuple[str, Any, Mapping[str, str]]] = {
    "unknown_dataset": (PICTURE, "digts", {}),
    "no_such_file": (PICTURE, "nowhere.npy", {}),
    "text_array": (REALS, np.array([["a", "b"]]), {}),
    "ragged_lists": (REALS, [[1.0, 2.0], [1.0]], {}),
    "one_number": (REALS, 3.0, {}),
    "empty": (REALS, np.zeros((0, 2)), {}),
    "text_in_frame": (REALS, pd.DataFrame({"a": [1.0, 2.0], "b": ["low", "high"]}), {}),
    "missing_variable": (PAIR, {"features": np.zeros((4, 2)), "lable": np.zeros(4)}, {}),
    "unknown_column": (REALS, {"x": np.zeros((4, 2)), "z": np.zeros(4)}, {}),
    "unnamed": (PAIR, np.zeros((4, 2)), {}),
    "uneven": (PAIR, {"features": np.zeros((4, 2)), "label": np.zeros(3)}, {}),
    "flat_for_picture": (PICTURE, np.zeros((5, 64)), {}),
    "picture_for_flat": ("data x : bit[64] ~ Bernoulli(0.5)", np.zeros((5, 8, 8)), {}),
    "without_channels": ("data x : real[8, 8, 1] ~ Normal(0, 1)", np.zeros((5, 8, 8)), {}),
    "one_example": (PICTURE, np.zeros((8, 8)), {}),
    "too_wide": (REALS, np.zeros((5, 3)), {}),
    "too_narrow_hyper": ("d: int = 4 | data x : real[d, d + 1] ~ Normal(0, 1)",
                         np.zeros((5, 3, 4)), {}),
    "columns_taken_together": ("d: int = 2 | data x : real[d] ~ Normal(0, 1); given label : cat(2)",
                               LABELLED, {}),
    "columns_too_few": (REALS, pd.DataFrame({"a": [1.0, 2.0]}), {}),
    "rank_of_open": (OPEN, np.zeros((5, 3, 2)), {}),
    "two_sizes": ("d: int | data x : real[d] ~ Normal(0, 1); given y : real[d]",
                  {"x": np.zeros((4, 2)), "y": np.zeros((4, 3))}, {}),
    "unsolved": ("n: int | data x : real[2 * n] ~ Normal(0, 1)", np.zeros((4, 6)), {}),
    "two_in_bit": (BITS, put(ones, (2, 1), 2), {}),
    "grey_for_bit": (BITS, put(ones, (2, 1), 0.25), {}),
    "levels_for_bit": (PICTURE, digits, {}),
    "spin_for_bit": (BITS, put(ones, (0, 0), -1), {}),
    "bit_for_spin": ("data s : spin[3]; energy -sum(s)", put(ones, (0, 0), 0), {}),
    "negative_cat": (PAIR, {"features": np.zeros((3, 2)), "label": np.array([0, -1, 2])}, {}),
    "too_many_levels": (PAIR, {"features": np.zeros((3, 2)), "label": np.array([0, 1, 3])}, {}),
    "fraction_in_cat": (PAIR, {"features": np.zeros((2, 2)), "label": np.array([0, 0.5])}, {}),
    "zero_in_positive": ("data x : positive ~ Gamma(1, 1)", np.array([1.0, 0.0]), {}),
    "outside_unit": ("data x : unit ~ Beta(1, 1)", np.array([0.5, 1.5]), {}),
    "simplex_sum": ("data x : simplex(3) ~ Dirichlet([1, 1, 1])", np.full((2, 3), 0.3), {}),
    "nan": (REALS, put(np.ones((4, 2)), (3, 1), np.nan), {}),
    "partly_missing": ("data x : real[2]? ~ Normal(0, 1)",
                       put(np.ones((600, 2)), (520, 1), np.nan), {}),
    "too_long": ("data x : real[<= 2] ~ Normal(0, 1)", [[0.5, 1], [1, 0, 0.5]], {}),
    "other_length": (TAGS, {"x": [[0, 1], [1]], "y": [[0, 1], [1, 0]]}, {}),
    "infinite_before_the_end": ("data x : real[<= 2] ~ Normal(0, 1)", [[0.5], [np.inf, 1]], {}),
    "class_behind_the_end": ("data x : cat(2)[<= 2] ~ Categorical(uniform(2))",
                             [[1, 0], [2, 0], [1, 1]], {}),
    "infinite": (REALS, put(np.ones((4, 2)), (0, 1), -np.inf), {}),
    "prepare_unknown_variable": (BITS, ones, {"y": "bernoulli(y)"}),
    "prepare_unknown_step": (BITS, ones, {"x": "bernouli(x)"}),
    "prepare_not_a_chain": (BITS, ones, {"x": "bernoulli(x * x)"}),
    "prepare_argument": (BITS, ones, {"x": "binarize(x, level = 1)"}),
    "probability": (PICTURE, digits, {"x": "bernoulli(x)"}),
    "probability_below": (REALS, np.array([[-1.0, 3.06604]]), {"x": "bernoulli(x)"}),
    "dequantize_below": (REALS, np.array([[-4.0, 3.0]]), {"x": "dequantize(x)"}),
    "dequantize_greys": (REALS, np.full((4, 2), 0.5), {"x": "dequantize(x)"}),
}  # fmt: skip


def whole_way(program: str, source: Any, texts: Mapping[str, str]) -> None:
    """What `fit` does with data before anything compiles."""
    declared = variables(program)
    intake = take_in(declared, source, prepare(**texts), seed=0)
    names = sorted({s for v in declared for d in v.type.array_shape for s in d.symbols})
    intake.solve(declared, names)
    intake.checked(declared)


def message(program: str, source: Any, texts: Mapping[str, str]) -> str:
    with pytest.raises(DgmError) as raised:
        whole_way(program, source, texts)
    return str(raised.value) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{name}.txt", message(*CASES[name]))


def file_cases(folder: Path) -> dict[str, Path]:
    made = {name: folder / name for name in ("text.csv", "uneven.csv", "cut.npz", "pickled.npy")}
    made["text.csv"].write_text("a,b\n1,2\n3,blue\n")
    made["uneven.csv"].write_text("a,b\n1,2\n3\n")
    np.savez(made["cut.npz"], x=np.zeros(100))
    made["cut.npz"].write_bytes(made["cut.npz"].read_bytes()[:200])
    np.save(made["pickled.npy"], np.array([{}, None]), allow_pickle=True)
    made["empty.csv"] = folder / "empty.csv"
    made["empty.csv"].write_text("a,b\n")
    return made


@pytest.mark.parametrize("name", ["text.csv", "uneven.csv", "cut.npz", "pickled.npy", "empty.csv"])
def test_file_message(name: str, tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    path = file_cases(tmp_path)[name]
    text = message(REALS, path, {}).replace(str(tmp_path), "FOLDER")
    golden(GOLDEN / f"file_{path.stem}_{path.suffix[1:]}.txt", text)


NOTES: dict[str, tuple[str, Any]] = {
    "note_left_out": ("data v : real[8, 8] ~ Normal(0, 1)", "digits"),
    "note_whole_numbers": (REALS, np.arange(8).reshape(4, 2)),
    "note_levels": ("K: int | data x : cat(K) ~ Categorical(uniform(K))", np.array([0, 2, 1])),
}


@pytest.mark.parametrize("name", NOTES)
def test_note(name: str, golden: Callable[[Path, str], None]) -> None:
    declared = variables(NOTES[name][0])
    intake = take_in(declared, NOTES[name][1], {}, seed=0)
    if name == "note_levels":
        values, notes = intake.solve(declared, ["K"])
        assert values == {"K": 3}
    else:
        _, notes = intake.checked(declared)
    golden(GOLDEN / f"{name}.txt", "\n\n".join(map(render, notes)) + "\n")


def test_every_code_has_a_case() -> None:
    used = "".join(path.read_text() for path in GOLDEN.glob("*.txt"))
    source = "".join(Path(str(module.__file__)).read_text() for module in (data, reading))
    declared = {f"DGM05{n:02d}" for n in range(100) if f'"DGM05{n:02d}"' in source}
    assert {code for code in declared if code not in used} == set()

"""Reading, naming, solving and checking data that are right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime import arrange
from dgmlang.runtime.blocks import ROWS, Blocks
from dgmlang.runtime.builtin import NAMES, dataset
from dgmlang.runtime.data import NAMELESS, read
from dgmlang.runtime.intake import share, take_in, take_more
from tests.runtime.programs import prepare, variables

TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
REALS = variables("data x : real[2] ~ Normal(0, 1)")


@pytest.mark.parametrize(
    "source",
    [
        TABLE,
        TABLE.tolist(),
        jnp.asarray(TABLE),
        pd.DataFrame(TABLE, columns=["a", "b"]),
        pd.DataFrame({"a": pd.array([1, 3, 5], dtype="Int64"), "b": [2.0, 4.0, 6.0]}),
        pd.DataFrame({"a": np.array([1, 3, 5], object), "b": [2.0, 4.0, 6.0]}),
        {"x": TABLE},
    ],
    ids=["numpy", "lists", "jax", "frame", "nullable", "objects", "mapping"],
)
def test_arrays(source: Any) -> None:
    arrays, _ = take_in(REALS, source, {}, 0).checked(REALS)
    assert arrays["x"].dtype == np.float32
    assert np.array_equal(arrays["x"], TABLE)


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", TABLE)
    np.savez(tmp_path / "t.npz", x=TABLE)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n\n5,6\n")
    (tmp_path / "bare.csv").write_text("1,2\n3,4\n5,6\n")
    for name in ("t.npy", "t.npz", "t.csv", "bare.csv"):
        arrays, _ = take_in(REALS, tmp_path / name, {}, 0).checked(REALS)
        assert np.array_equal(arrays["x"], TABLE), name


def test_empty_entries_are_missing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,\nNA,4\n")
    found = read(tmp_path / "t.csv").arrays
    assert np.isnan(found["b"][0])
    assert np.isnan(found["a"][1])


def test_masked_entries_are_missing() -> None:
    masked = np.ma.masked_array([1, 2], mask=[False, True])
    assert np.isnan(read(masked).arrays[NAMELESS][1])


def test_columns_by_name_and_the_rest_as_a_vector() -> None:
    declared = variables("given x : real[2]; data y : cat(3) ~ Categorical(uniform(3))")
    frame = pd.DataFrame({"a": TABLE[:, 0], "y": [0, 1, 2], "b": TABLE[:, 1]})
    arrays, _ = take_in(declared, frame, {}, 0).checked(declared)
    assert np.array_equal(arrays["x"], TABLE)
    assert arrays["y"].dtype == np.int32


def test_open_dimensions_come_from_the_data() -> None:
    declared = variables("d: int, K: int | given y : cat(K); data x : real[d, d] ~ Normal(0, 1)")
    given = {"x": np.zeros((4, 3, 3)), "y": np.array([0, 1, 4, 1])}
    arrays = {name: Blocks.of(array) for name, array in given.items()}
    values, notes = arrange.solve(declared, arrays, "here")
    assert values == {"d": 3, "K": 5}
    assert [note.code for note in notes] == ["DGM0515"]


def test_open_dimensions_of_prepared_data() -> None:
    declared = variables("n: int | data v : bit[n] ~ Bernoulli(0.5)")
    intake = take_in(declared, "digits", prepare(v="bernoulli(flatten(v))"), 0)
    assert intake.solve(declared, ["n"])[0] == {"n": 64}


@pytest.mark.parametrize("name", NAMES)
def test_built_in(name: str) -> None:
    first, again = dataset(name, seed=1, n=500), dataset(name, seed=1, n=500)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert first["x"].dtype == np.float32
    assert np.all(np.isfinite(first["x"]))
    assert np.abs(first["x"]).max() < 10
    if "y" in first:
        assert first["y"].shape == first["x"].shape[:1]
    if name not in ("digits", "iris"):
        assert first["x"].shape == (500, 2)
        assert not np.array_equal(first["x"], dataset(name, seed=2, n=500)["x"])


def test_digits_are_greys_of_eight_by_eight() -> None:
    x = dataset("digits")["x"]
    assert x.shape == (1797, 8, 8)
    assert np.array_equal(np.unique(x), np.arange(17) / 16)


def test_checkerboard_lies_on_its_squares() -> None:
    x = np.floor(dataset("checkerboard", n=2000)["x"]).astype(int)
    assert np.array_equal(np.unique(x), [-2, -1, 0, 1])
    assert set((x.sum(1) % 2).tolist()) == {0}


def test_bytes_stay_bytes_until_they_are_prepared() -> None:
    declared = variables("data x : bit[2] ~ Bernoulli(0.5)")
    pixels = np.array([[0, 255], [128, 3]], np.uint8)
    intake = take_in(declared, pixels, prepare(x="bernoulli(x / 255)"), 0)
    assert intake.checked(declared)[0]["x"].dtype == np.uint8
    assert set(np.unique(intake.prepared["x"].whole())) <= {0.0, 1.0}


def test_numbers_too_large_for_fractions_are_not_called_whole() -> None:
    kept = {np.float32: False, np.float64: True, np.int64: True}
    for dtype, warned in kept.items():
        intake = take_in(REALS, np.array([[2**24, 2**25], [3e8, 2**26]], dtype), {}, 0)
        assert bool(intake.checked(REALS)[1]) == warned


def test_split_is_a_partition_by_the_seed() -> None:
    arrays = {"x": np.arange(50), "y": np.arange(50) * 2}

    def split(seed: int) -> list[Mapping[str, np.ndarray]]:
        return [part.arrays for part in share(arrays, 0.1, seed)]

    rest, held = split(0)
    assert (len(rest["x"]), len(held["x"])) == (45, 5)
    assert np.array_equal(np.sort(np.concatenate([rest["x"], held["x"]])), np.arange(50))
    assert np.array_equal(held["y"], 2 * held["x"])
    assert np.array_equal(held["x"], split(0)[1]["x"])
    assert not np.array_equal(held["x"], split(1)[1]["x"])


def test_queries_are_prepared_as_the_training_data_were() -> None:
    intake = take_in(REALS, TABLE, prepare(x="standardize(x)"), 0)
    more = take_more(REALS, TABLE + 10, intake.preparation, intake.states, 0)
    expected = (TABLE + 10 - TABLE.mean(0)) / TABLE.std(0)
    assert np.allclose(more.prepared["x"].whole(), expected, rtol=1e-5)


def test_preparing_never_holds_more_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Blocks) -> np.ndarray:
        raise AssertionError("made whole")

    x = np.random.default_rng(0).normal(3, 2, (3 * ROWS + 7, 2))
    monkeypatch.setattr(Blocks, "whole", forbidden)
    intake = take_in(REALS, x, prepare(x="standardize(2 * x)"), 0)
    assert len(intake.checked(REALS)[0]["x"]) == len(x)
    sizes = [len(block) for block in intake.prepared["x"]]
    assert sizes == [ROWS, ROWS, ROWS, 7]
    monkeypatch.undo()
    expected = (x - x.mean(0)) / x.std(0)
    assert np.allclose(intake.prepared["x"].whole(), expected, atol=1e-5)


def test_what_is_wrong_in_a_late_block_is_found() -> None:
    x = np.zeros((2 * ROWS, 2))
    x[ROWS + 3, 1] = 2
    declared = variables("data x : bit[2] ~ Bernoulli(0.5)")
    intake = take_in(declared, x, {}, 0)
    with pytest.raises(DgmError) as raised:
        intake.checked(declared)
    assert f"row {ROWS + 3}" in str(raised.value.diagnostics[0])

"""Sequences of different lengths on their way in, and draws of them on their way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.runtime.intake import take_in
from tests.runtime.programs import variables

WORDS = "data x : cat(3)[<= 4] ~ Categorical(uniform(3))"
REALS = "data x : real[<= 4] ~ Normal(0, 1)"
END = np.inf


def stored(program: str, source: Any) -> np.ndarray:
    declared = variables(program)
    intake = take_in(declared, source, {}, seed=0)
    return intake.checked(declared)[0]["x"]


@pytest.mark.parametrize(
    "source",
    [
        [[0, 2], [1], []],
        [np.array([0, 2]), np.array([1]), np.array([])],
        {"x": [[0, 2], [1], []]},
        (np.array([[0, 2, 9], [1, 9, 9], [9, 9, 9]]), np.array([2, 1, 0])),
        {"x": (np.array([[0, 2, 9], [1, 9, 9], [9, 9, 9]]), [2, 1, 0])},
        np.array([[0, 2, 3, 3], [1, 3, 3, 3], [3, 3, 3, 3]]),
        np.array([[0, 2, np.nan], [1, np.nan, np.nan], [np.nan, np.nan, np.nan]]),
    ],
)
def test_every_way_to_say_where_sequences_end(source):
    wanted = [[0, 2, 3, 3], [1, 3, 3, 3], [3, 3, 3, 3]]
    assert stored(WORDS, source).tolist() == wanted
    assert stored(WORDS, source).dtype == np.int32


def test_floats_end_in_what_no_data_hold():
    assert stored(REALS, [[0.5, 2.0], [1.0]]).tolist() == [[0.5, 2, END, END], [1, END, END, END]]
    assert stored(REALS, [[0.5, 2.0], [1.0, 3.0]]).tolist() == [
        [0.5, 2, END, END],
        [1, 3, END, END],
    ]


def test_rows_of_vectors_and_missing_entries():
    rows = "data x : real[<= 2, 2] ~ Normal(0, 1)"
    found = stored(rows, [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]], []])
    assert found.tolist() == [[[1, 2], [3, 4]], [[5, 6], [END, END]], [[END, END], [END, END]]]
    gaps = stored("data x : real?[<= 3] ~ Normal(0, 1)", [[1.0, np.nan, 2.0], [np.nan]])
    np.testing.assert_array_equal(gaps, [[1, np.nan, 2], [np.nan, END, END]])


def test_the_longest_example_gives_an_open_dimension():
    model = dgm.parse("""model M(T: int) {
      param a : real
      for t in 0..len(x) <= T { data x[t] : real ~ Normal(0 if t == 0 else a * x[t-1], 1) }
    }""")
    fitted = model.fit([[0.5, 1.0, 2.0], [1.0]], steps=1, progress=False)
    assert fitted.model.hypers["T"] == 3
    again = fitted.log_prob([[0.5, 1.0]]).value
    padded = fitted.log_prob(np.array([[0.5, 1.0, np.nan]])).value
    np.testing.assert_allclose(again, padded)
    with pytest.raises(dgm.DgmError, match="DGM0531"):
        fitted.log_prob([[0.0] * 4, [1.0]])


def test_draws_come_back_as_data():
    fitted = dgm.parse("""model M(V: int = 3, T: int = 4) {
      param p : simplex(V)
      data x : cat(V)[<= T] ~ Categorical(p)
    }""").with_params({"p": [0.2, 0.3, 0.5], "x.end": [-1.0]})
    drawn = fitted.sample(50, seed=1)
    ends = (drawn == 3).argmax(axis=1) + 4 * (drawn != 3).all(axis=1)
    assert all((row[end:] == 3).all() for row, end in zip(drawn.value, ends, strict=True))
    assert len(set(ends.tolist())) > 2
    bits = fitted.bits_per_dim(drawn).value * np.minimum(ends + 1, 4)
    np.testing.assert_allclose(bits, -fitted.log_prob(drawn).value / np.log(2), rtol=1e-5)

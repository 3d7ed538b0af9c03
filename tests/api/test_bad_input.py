"""Bad input brings one clear message that names the variable and the place, and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.codes import tables

GOLDEN = Path(__file__).parents[1] / "golden" / "input"
BITS = "model Bits {\n  param p : unit[3]\n  data x : bit[3] ~ Bernoulli(p)\n}\n"
MANY = """model Many(d: int) {
  param m : real[d]
  param q : simplex(3)
  data x : real[d] ~ Normal(m, 1)
  data k : cat(3) ~ Categorical(q)
}
"""
CHAINS = """model Chains {
  net e(x: real[1], k: cat(2000)) -> real = concat(x, one_hot(k)) |> mlp([4])
  data x : real[1]
  data k : cat(2000)
  energy e(x, k) + sum(x ** 2)
}
"""
ENERGY = """model Energy {
  net e(x: real[1]) -> real = x |> mlp([4])
  data x : real[1]
  energy e(x) + sum(x ** 2)
}
"""
MIXED = """model Mixed {
  param w : simplex(2)
  param m : real[2, 1]
  data x : real[1] ~ mixture(w, Normal(m, 1))
}
"""

WHOLE = """model Whole(d: int = 3) {
  param p : unit
  data x : bit[d]? ~ Bernoulli(p)
}
"""
PLANNED = """model Planned(d: int) {
  net s(x: real[d]) -> real[d] = x
  data x : real[d]?
  score x = s(x)
}
"""

DRAWS = """model Draws {
  net G(z: real[1]) -> real[1] = z
  latent z : real[1] ~ Normal(0, 1)
  data x : real[1] = G(z)
  recipe default { objective = gan }
}
"""

CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "two_in_a_bit": (BITS, np.full((5, 3), 2), {}),
    "greys_in_bits": (BITS, np.full((5, 3), 0.5), {}),
    "wrong_width": (BITS, np.zeros((5, 4)), {}),
    "wrong_rank": (BITS, np.zeros(5), {}),
    "missing": (BITS, np.array([[0, 1, np.nan]]), {}),
    "partly_missing": (WHOLE, np.array([[0, 1, np.nan]]), {}),
    "objective_of_missing": (WHOLE, np.zeros((5, 3)), {"objective": "nce"}),
    "infinite": (MANY, {"x": np.array([[np.inf, 1.0]]), "k": [0]}, {}),
    "no_examples": (BITS, np.zeros((0, 3)), {}),
    "batch_too_large": (BITS, np.zeros((5, 3)), {"batch": 10}),
    "negative_class": (MANY, {"x": np.zeros((2, 2)), "k": [0, -1]}, {}),
    "class_too_large": (MANY, {"x": np.zeros((2, 2)), "k": [0, 3]}, {}),
    "half_class": (MANY, {"x": np.zeros((2, 2)), "k": [0, 0.5]}, {}),
    "uneven": (MANY, {"x": np.zeros((2, 2)), "k": [0]}, {}),
    "variable_left_out": (MANY, {"x": np.zeros((2, 2))}, {}),
    "unknown_variable": (MANY, {"x": np.zeros((2, 2)), "kk": [0, 1]}, {}),
    "no_such_file": (BITS, "nowhere.npz", {}),
    "no_such_data_set": (BITS, "digit", {}),
    "words": (BITS, np.array([["a", "b", "c"]]), {}),
    "objective_not_legal": (BITS, np.zeros((5, 3)), {"objective": "elbo"}),
    "objective_misspelt": (BITS, np.zeros((5, 3)), {"objective": "mel"}),
    "objective_refused": (MANY, {"x": np.zeros((2, 2)), "k": [0, 1]}, {"objective": "fgan"}),
    "objective_not_built": (CHAINS, {"x": np.zeros((2, 1)), "k": [0, 1]}, {"objective": "pcd"}),
    "part_of_the_data": (MIXED, np.zeros((4, 1)), {"objective": "em", "batch": 2}),
    "part_not_built": (PLANNED, "nowhere.npz", {}),
    "objective_setting": (BITS, np.zeros((5, 3)), {"objective": "mle(k = 3)"}),
    "objective_setting_type": (BITS, np.zeros((5, 3)), {"objective": "nce(ratio = 1.5)"}),
    "objective_sentence": (BITS, np.zeros((5, 3)), {"objective": "1 + 2"}),
    "objective_product": (BITS, np.zeros((5, 3)), {"objective": "mle * mle"}),
    "objective_weight_zero": (BITS, np.zeros((5, 3)), {"objective": "mle + 0 * nce"}),
    "objective_no_term": (MIXED, np.zeros((4, 1)), {"objective": "mle + 2 * em"}),
    "objective_no_class": (
        MANY,
        {"x": np.zeros((2, 2)), "k": [0, 1]},
        {"objective": "discriminate(x)"},
    ),
    "optimizer_misspelt": (BITS, np.zeros((5, 3)), {"optimizer": "adm"}),
    "recipe_misspelt": (BITS, np.zeros((5, 3)), {"recipe": "fast"}),
    "preparation_misspelt": (BITS, np.zeros((5, 3)), {"prepare": "x = bernouli(x)"}),
    "preparation_of_nothing": (BITS, np.zeros((5, 3)), {"prepare": "y = bernoulli(y)"}),
    "preparation_no_assignment": (BITS, np.zeros((5, 3)), {"prepare": "bernoulli(x)"}),
    "weights_too_few": (BITS, np.zeros((5, 3)), {"sample_weight": [1, 2]}),
    "weights_below_zero": (BITS, np.zeros((5, 3)), {"sample_weight": [1, 2, -1, 0, np.nan]}),
    "weights_all_zero": (BITS, np.zeros((5, 3)), {"sample_weight": np.zeros(5)}),
    "weights_of_words": (BITS, np.zeros((5, 3)), {"sample_weight": ["a"] * 5}),
    "weights_misspelt": (BITS, {"x": np.zeros((5, 3)), "w": np.ones(5)}, {"sample_weight": "v"}),
    "weights_of_an_array": (BITS, np.zeros((5, 3)), {"sample_weight": "w"}),
    "weights_of_draws": (DRAWS, np.zeros((5, 1)), {"sample_weight": np.ones(5)}),
    "probability_too_large": (BITS, np.full((5, 3), 2.0), {"prepare": "x = bernoulli(x)"}),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    text, data, settings = CASES[name]
    with pytest.raises(dgm.DgmError) as caught:
        dgm.parse(text).fit(data, **{"steps": 2, **settings})
    assert len(caught.value.diagnostics) == 1
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_every_code_of_tables_has_a_case() -> None:
    used = "".join(path.read_text() for path in GOLDEN.glob("*.txt"))
    source = Path(tables.__file__).read_text()
    assert {code for code in re.findall(r'"(DGM05\d\d)"', source) if code not in used} == set()


def test_nothing_is_written_when_the_input_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(dgm.DgmError):
        dgm.parse(BITS).fit(np.full((5, 3), 2), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unwritable_folder_is_said_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(dgm.DgmError, match="DGM0605"):
        dgm.parse(BITS).fit(np.zeros((5, 3)), steps=2, out=tmp_path / "file" / "run")


def test_a_truncated_run_says_so(tmp_path: Path) -> None:
    dgm.parse(BITS).fit(np.zeros((5, 3)), steps=2, batch=5, out=tmp_path / "run")
    arrays = next((tmp_path / "run").glob("*.npz"))
    arrays.write_bytes(arrays.read_bytes()[:100])
    with pytest.raises(dgm.DgmError, match="DGM0603"):
        dgm.restore(tmp_path / "run")


def test_a_foreign_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(dgm.DgmError, match="DGM0602"):
        dgm.restore(tmp_path)
    with pytest.raises(dgm.DgmError, match="DGM0601"):
        dgm.restore(tmp_path / "nowhere")


LOADS: dict[str, Callable[[], object]] = {
    "unknown_hyperparameter": lambda: dgm.parse(MANY, dd=3),
    "no_file": lambda: dgm.load("nowhere.dgm"),
    "no_such_model": lambda: dgm.parse(BITS, model="Bit"),
    "folder_as_program": lambda: dgm.load("."),
    "import_without_a_place": lambda: dgm.parse('use "nets.dgm": f\n' + BITS),
}
"""What cannot be loaded: DGM0205, DGM0208, DGM0209, DGM0210, DGM0213."""


@pytest.mark.parametrize("name", LOADS)
def test_what_cannot_be_loaded(
    name: str,
    golden: Callable[[Path, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dgm.DgmError) as caught:
        LOADS[name]()
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_load_of_a_run_folder_restores_it(tmp_path: Path) -> None:
    fit = dgm.parse(BITS).fit(np.ones((8, 3)), steps=2, out=tmp_path / "run", average=0.5)
    again: Any = dgm.load(tmp_path / "run")
    x = np.zeros((3, 3))
    for which in ("last", "ema"):
        found = again.log_prob(x, params=which)
        np.testing.assert_array_equal(found, fit.using(which).log_prob(x))
    assert not np.array_equal(fit.log_prob(x, params="last"), fit.log_prob(x, params="ema"))
    with pytest.raises(dgm.DgmError, match="DGM0210"):
        dgm.load(tmp_path / "run", model="Bits")

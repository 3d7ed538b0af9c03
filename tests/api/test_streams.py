"""Data from an iterable of batches: what a loader gives, checked and trained on one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.codes import streams
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.render import render

GOLDEN = Path(__file__).parents[1] / "golden" / "training"
PROGRAM = "model M {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}\n"
PRIORED = PROGRAM.replace("real[2]\n", "real[2] ~ Normal(0, 1)\n", 1)
TWO = """model Two {
  given c : real
  param w : real
  data x : real ~ Normal(w * c, 1)
}
"""
DRAWS = """model Draws {
  net G(z: real[1]) -> real[2] = z
  latent z : real[1] ~ Normal(0, 1)
  data x : real[2] = G(z)
}
"""
ROWS = np.random.default_rng(0).normal([1.0, -2.0], 1.0, (48, 2))
SGD = "sgd(learning_rate = 0.2)"


class Loader:
    """What a loader is to us: batches by `iter`, as often as asked, and their number."""

    def __init__(self, rows: Any = ROWS, size: int = 8, wrap: Callable[[Any], Any] = np.asarray):
        self.rows, self.size, self.wrap, self.passes, self.given = rows, size, wrap, 0, 0

    def __len__(self) -> int:
        return len(self.rows) // self.size

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        for place in range(len(self)):
            self.given += 1
            yield self.wrap(self.rows[place * self.size : (place + 1) * self.size])


def fit(data: Any, text: str = PROGRAM, **settings: Any) -> dgm.Fitted:
    how: Any = {"optimizer": SGD, **settings}
    return dgm.parse(text).fit(data, **how)


def by_hand(batches: int, rate: float = 0.2) -> np.ndarray:
    """Plain gradient steps of the mean of a unit Gaussian, from 0, through the batches in order."""
    loc = np.zeros(2)
    for number in range(batches):
        place = 8 * (number % 6)
        loc += rate * (ROWS[place : place + 8].mean(axis=0) - loc)
    return loc


@pytest.mark.parametrize("wrap", [np.asarray, lambda a: {"x": a}, lambda a: [a], lambda a: (a,)])
def test_each_step_is_on_the_next_batch(wrap: Callable[[Any], Any]) -> None:
    loader = Loader(wrap=wrap)
    found = fit(loader, steps=15, init={"m": np.zeros(2)})
    assert np.allclose(found.params["m"], by_hand(15), atol=1e-5)
    assert not np.allclose(by_hand(14), by_hand(15), atol=1e-3)
    assert loader.given <= 15 + 2  # the first is looked at, and one is fetched ahead


def test_epochs_are_passes() -> None:
    assert fit(Loader(), epochs=2).step == 12
    found = fit(Loader(), epochs=2, init={"m": np.zeros(2)})
    assert np.allclose(found.params["m"], by_hand(12), atol=1e-5)


def test_several_variables() -> None:
    c = np.linspace(-2, 2, 48)
    pairs = Loader(np.stack([c, 3 * c], axis=1), 16, lambda a: {"c": a[:, 0], "x": a[:, 1]})
    assert float(fit(pairs, TWO, steps=60).params["w"]) == pytest.approx(3, abs=0.05)


def test_priors_count_once_for_all_batches() -> None:
    found = fit(Loader(), PRIORED, steps=600, optimizer="sgd(cosine_decay_schedule(0.2, steps))")
    assert np.allclose(found.params["m"], ROWS.sum(axis=0) / 49, atol=0.02)


def test_a_generator_ends_the_training() -> None:
    notes: list[Diagnostic] = []
    found = fit((ROWS[i : i + 8] for i in range(0, 40, 8)), steps=30, notes=notes.append)
    assert found.step == 5
    assert [note.code for note in notes] == ["DGM0723"]


def test_players_take_their_own_batches() -> None:
    loader = Loader()
    found = fit(loader, DRAWS, steps=4, objective="wgan(critic_steps = 2)", optimizer=None)
    assert found.step == 4
    assert 12 <= loader.given <= 12 + 4


def test_held_out_data_and_preparations() -> None:
    found = fit(Loader(), steps=30, valid=ROWS[:5], prepare="x = (x - 1) / 2")
    assert found.which == "best"
    arrays = fit(ROWS, steps=30, valid=ROWS[:5], prepare="x = (x - 1) / 2")
    assert np.allclose(found.log_prob(ROWS).mean(), arrays.log_prob(ROWS).mean(), atol=0.1)


def test_a_value_that_is_not_finite_is_said_with_its_step(tmp_path: Path) -> None:
    with pytest.raises(dgm.DgmError, match=r"DGM0709.*\n.*\n.*step ") as caught:
        fit(Loader(), steps=400, optimizer="sgd(learning_rate = 1e30)", out=tmp_path / "run")
    assert np.all(np.isfinite(caught.value.fitted.raw["m"]))  # pyright: ignore
    assert dgm.restore(tmp_path / "run").step == caught.value.fitted.step  # pyright: ignore


def test_a_streamed_run_is_not_resumed(tmp_path: Path) -> None:
    fit(Loader(), steps=5, out=tmp_path / "run")
    with pytest.raises(dgm.DgmError, match="DGM0719"):
        fit(ROWS, steps=9, resume=tmp_path / "run")
    assert fit(Loader(), steps=5, init=tmp_path / "run").step == 5
    fit(ROWS, steps=5, out=tmp_path / "arrays")
    with pytest.raises(dgm.DgmError, match="`resume` is about all of them"):
        fit(Loader(), steps=9, resume=tmp_path / "arrays")


def test_what_was_learned_before_a_wrong_batch_is_kept(tmp_path: Path) -> None:
    with pytest.raises(dgm.DgmError, match="DGM0721"):
        fit(Uneven(), steps=9, init={"m": np.zeros(2)}, out=tmp_path / "run")
    kept = dgm.restore(tmp_path / "run")
    assert kept.step == 2
    assert np.allclose(kept.params["m"], by_hand(2), atol=1e-5)


class Uneven(Loader):
    def __iter__(self) -> Iterator[Any]:
        yield from (ROWS[:8], ROWS[8:16], ROWS[16:20])


class Wrong(Loader):
    def __iter__(self) -> Iterator[Any]:
        yield from (ROWS[:8], np.full((8, 2), np.nan))


CASES: dict[str, dict[str, Any]] = {
    "stream_batch": {"batch": 4},
    "stream_valid": {"valid": 0.1},
    "stream_weights": {"sample_weight": np.ones(48)},
    "stream_standardize": {"prepare": "x = standardize(x)"},
    "stream_epochs": {"data": iter([ROWS]), "epochs": 2, "steps": None},
    "stream_priors": {"data": iter([ROWS]), "text": PRIORED},
    "stream_empty": {"data": iter([])},
    "stream_uneven": {"data": Uneven()},
    "stream_wrong": {"data": Wrong()},
    "stream_pairs": {"data": Loader(wrap=lambda a: [a, a])},
    "stream_shape": {"data": Loader(ROWS[:, :1])},
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        fit(**{"data": Loader(), "steps": 5, **CASES[name]})
    assert len(caught.value.diagnostics) == 1
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_words(golden: Callable[[Path, str], None]) -> None:
    said = (
        streams.not_for_batches("resume"),
        streams.not_resumable("runs/vae"),
        streams.ran_out(5, 30),
    )
    golden(GOLDEN / "stream_words.txt", "\n\n".join(map(render, said)) + "\n")

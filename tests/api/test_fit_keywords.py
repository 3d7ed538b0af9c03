"""Keywords of `fit` that say where it computes and what it writes."""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import dgmlang as dgm
from dgmlang.cli.train import SETTINGS
from dgmlang.compiler.program import RECIPE_KEYS
from dgmlang.request import Request

PROGRAM = "model M {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}\n"
DATA = [[0.0, 1.0], [2.0, 3.0]]


def stop(_: object) -> None:
    """A callback that is Ctrl-C at the first record."""
    raise KeyboardInterrupt


def fit(**settings: Any) -> dgm.Fitted:
    return dgm.parse(PROGRAM).fit(DATA, **{"steps": 30, **settings})


def test_one_set_of_words() -> None:
    """What a recipe or the command line sets is a keyword of `fit` of the same name."""
    words = list(inspect.signature(dgm.Model.fit).parameters)[2:]
    assert words == list(Request.__dataclass_fields__)
    assert set(RECIPE_KEYS) - {"sampler"} <= set(words)
    assert set(SETTINGS) <= set(words)


def test_events_are_the_records(tmp_path: Path) -> None:
    """The extra `tensorboard` is one of `dev`, so this is never skipped."""
    event_pb2: Any = import_module("tensorboardX.proto.event_pb2")
    found = fit(log_dir=tmp_path, out=tmp_path / "run")
    lines = (tmp_path / "metrics.jsonl").read_text()
    assert lines == (tmp_path / "run" / "metrics.jsonl").read_text()
    assert len(lines.splitlines()) == len(found.history)
    (file,) = tmp_path.glob("events.out.tfevents.*")
    read: dict[tuple[int, str], float] = {}
    content, place = file.read_bytes(), 0
    while place < len(content):  # a length of 8 bytes, its checksum of 4, the event, its checksum
        size = int.from_bytes(content[place : place + 8], "little")
        event = event_pb2.Event.FromString(content[place + 12 : place + 12 + size])
        read |= {(event.step, v.tag): v.simple_value for v in event.summary.value}
        place += 16 + size
    told = {(r.step, name): v for r in found.history for name, v in r.values.items()}
    assert told
    assert read == pytest.approx(told)


def test_a_resumed_run_goes_on_with_its_lines(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with pytest.raises(KeyboardInterrupt):
        fit(log_dir=logs, out=tmp_path / "run", callbacks=[stop])
    fit(log_dir=logs, resume=tmp_path / "run")
    lines = (logs / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20, 30]


def test_one_folder_for_both(tmp_path: Path) -> None:
    found = fit(log_dir=tmp_path / "run", out=tmp_path / "run")
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == len(found.history)


def test_refused_data_leave_no_events(tmp_path: Path) -> None:
    with pytest.raises(dgm.DgmError, match="DGM0512"):
        dgm.parse(PROGRAM).fit([[1.0]], log_dir=tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(dgm.DgmError, match="DGM0717"):
        fit(log_dir=tmp_path)


def test_a_file_in_the_place_of_log_dir(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(dgm.DgmError, match="DGM0605"):
        fit(log_dir=tmp_path / "file")


@pytest.mark.parametrize("device", ["cpu", "CPU:0", jax.devices("cpu")[0]])
def test_device(device: Any) -> None:
    found = fit(device=device)
    assert found.raw["m"].devices() == {jax.devices("cpu")[0]}
    assert found.history == fit().history


@pytest.mark.parametrize("device", ["tpu:7", "cpu:99", "cpu:-1", "cpu:", "quantum", ""])
def test_no_such_device(device: str) -> None:
    with pytest.raises(dgm.DgmError, match="DGM0716") as caught:
        fit(device=device)
    assert len(caught.value.diagnostics) == 1


# ── sample weights ───────────────────────────────────────────────────────────────────────────────

ROWS = np.random.default_rng(0).normal(1.0, 2.0, (12, 2))
PRIORED = PROGRAM.replace("param m : real[2]", "param m : real[2] ~ Normal(0, 1)")


def test_weight_zero_leaves_out() -> None:
    weights = np.repeat([1.0, 0.0], 6)
    left = dgm.parse(PRIORED).fit(ROWS, steps=30, sample_weight=weights)
    fewer = dgm.parse(PRIORED).fit(ROWS[:6], steps=30)
    assert np.array_equal(left.raw["m"], fewer.raw["m"])


def test_weights_are_repetitions() -> None:
    """Of the likelihood and of the prior's share: N is the sum of the weights."""
    counts = np.arange(12) % 3
    how: Any = {"optimizer": "sgd(learning_rate = 0.3)", "steps": 100}
    weighed = dgm.parse(PRIORED).fit(ROWS, sample_weight=counts, **how)
    repeated = dgm.parse(PRIORED).fit(np.repeat(ROWS, counts, axis=0), **how)
    assert np.allclose(weighed.raw["m"], repeated.raw["m"], atol=1e-5)
    mode = counts @ ROWS / (counts.sum() + 1)
    assert np.allclose(weighed.params["m"], mode, atol=1e-4)
    assert not np.allclose(ROWS.mean(axis=0), mode, atol=0.1)


def test_weights_in_batches_and_held_out() -> None:
    weights = np.arange(12.0)
    found = dgm.parse(PROGRAM).fit(ROWS, sample_weight=weights, valid=0.25, batch=4, steps=400)
    assert np.isfinite(found.history[-1].values["valid"])


def test_a_column_of_weights() -> None:
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1], "w": np.arange(12)})
    found = dgm.parse(PROGRAM).fit(frame, sample_weight="w", steps=30)
    same = dgm.parse(PROGRAM).fit(ROWS, sample_weight=np.arange(12), steps=30)
    assert np.array_equal(found.raw["m"], same.raw["m"])


def test_a_run_resumes_with_its_weights(tmp_path: Path) -> None:
    weights = np.arange(12.0)
    whole = dgm.parse(PROGRAM).fit(ROWS, sample_weight=weights, steps=40)
    how: Any = {"sample_weight": weights, "steps": 40, "out": tmp_path, "callbacks": [stop]}
    with pytest.raises(KeyboardInterrupt):
        dgm.parse(PROGRAM).fit(ROWS, **how)
    with pytest.raises(dgm.DgmError, match="DGM0718"):
        dgm.parse(PROGRAM).fit(ROWS, resume=tmp_path)
    again = dgm.parse(PROGRAM).fit(ROWS, sample_weight=weights, resume=tmp_path)
    assert np.array_equal(again.raw["m"], whole.raw["m"])

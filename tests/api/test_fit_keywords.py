"""Keywords of `fit` that say where it computes and what it writes."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import jax
import pytest

import dgmlang as dgm
from dgmlang.cli.train import SETTINGS
from dgmlang.compiler.program import RECIPE_KEYS
from dgmlang.fitting import Request

PROGRAM = "model M {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}\n"
DATA = [[0.0, 1.0], [2.0, 3.0]]


def fit(**settings: Any) -> dgm.Fitted:
    return dgm.parse(PROGRAM).fit(DATA, **{"steps": 30, **settings})


def test_one_set_of_words() -> None:
    """What a recipe or the command line sets is a keyword of `fit` of the same name."""
    words = list(inspect.signature(dgm.Model.fit).parameters)[2:]
    assert words == list(Request.__dataclass_fields__)
    assert set(RECIPE_KEYS) - {"sampler"} <= set(words)
    assert set(SETTINGS) <= set(words)


def test_events_are_the_records(tmp_path: Path) -> None:
    event_pb2: Any = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = fit(log_dir=tmp_path, out=tmp_path / "run")
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

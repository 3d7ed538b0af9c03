"""What a person sees of training, and the lines of `metrics.jsonl`."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from dgmlang.runtime import progress
from dgmlang.runtime.interrupts import Interrupts
from dgmlang.runtime.loop import Outlet
from dgmlang.runtime.metrics import Log, Record
from dgmlang.runtime.pace import Pace
from dgmlang.runtime.progress import Bar, Lines
from dgmlang.runtime.settings import Settings
from tests.runtime import small


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    shown = progress.progress(out)
    assert isinstance(shown, Lines)
    small.fit(Settings(steps=300, batch=24), outlet=Outlet(progress=shown))
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("step 1 of 300  loss ")
    assert lines[-1].startswith("step 300 of 300  loss ")
    assert len(lines) < 6


def test_no_step_is_said_twice_and_no_pace_before_there_is_one() -> None:
    out = io.StringIO()
    shown = Lines(out)
    shown.start(0, 2)
    for step in (1, 2, 2):
        shown.show(step, {"loss": 1.0})
    lines = out.getvalue().splitlines()
    assert lines[0] == "step 1 of 2  loss 1"
    assert [line.split("  ")[0] for line in lines] == ["step 1 of 2", "step 2 of 2"]
    assert " 0 steps/s" not in out.getvalue()


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    shown = progress.progress(out)
    assert isinstance(shown, Bar)
    small.fit(Settings(steps=300, batch=24), outlet=Outlet(progress=shown))
    text = out.getvalue()
    assert "300/300" in text
    assert "loss " in text
    assert "steps/s" in text


def test_the_log_is_json_lines(tmp_path: Path) -> None:
    log = Log(tmp_path / "new", [Record(1, {"loss": 2.0})])
    log.add(Record(2, {"loss": float("nan"), "valid": 1.5}))
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": None, "valid": 1.5}]


def test_the_pace_aims_at_a_quarter_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("dgmlang.runtime.pace.perf_counter", lambda: clock)
    pace, counts = Pace(), []
    for call in range(6):
        counts.append(pace.count)
        with pace.measure(pace.count):
            clock += 5.0 if call == 0 else pace.count / 1024
    assert counts == [1, 1, 8, 64, 256, 256]


def test_a_second_control_c_stops_at_once() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

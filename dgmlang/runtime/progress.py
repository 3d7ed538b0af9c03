"""How a person sees training go on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import monotonic
from typing import IO, Any, Protocol

LINE_EVERY = 10.0
"""Seconds between lines where there is no terminal."""


class Progress(Protocol):
    """What the loop tells. `values` are means since the last record."""

    def start(self, step: int, total: int) -> None: ...

    def show(self, step: int, values: Mapping[str, float]) -> None: ...

    def stop(self) -> None: ...


class Silent:
    """Says nothing."""

    def start(self, step: int, total: int) -> None: ...

    def show(self, step: int, values: Mapping[str, float]) -> None: ...

    def stop(self) -> None: ...


class Bar:
    """Rich's bar: done, loss, steps a second, time left."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._bar: Any = None
        self._task: Any = None
        self._rate = Rate()

    def start(self, step: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichBar

        self._bar = RichBar(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(), console=Console(file=self._out),
        )  # fmt: skip
        self._task = self._bar.add_task("", total=total, completed=step, text="compiling")
        self._bar.start()

    def show(self, step: int, values: Mapping[str, float]) -> None:
        text = f"{_short(values)}{_pace(self._rate(step))}"
        self._bar.update(self._task, completed=step, text=text)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()


class Lines:
    """A line at the first sight of a loss, every ten seconds, and at the end."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._rate = Rate()
        self._total = 0
        self._next = 0.0
        self._last = -1

    def start(self, step: int, total: int) -> None:
        self._total = total

    def show(self, step: int, values: Mapping[str, float]) -> None:
        if step == self._last or (monotonic() < self._next and step < self._total):
            return
        self._next, self._last = monotonic() + LINE_EVERY, step
        rate = self._rate(step)
        left = (self._total - step) / rate if rate else 0.0
        pace = _pace(rate) + (f"  {left:.0f} s left" if left else "")
        text = f"step {step} of {self._total}  {_short(values)}{pace}"
        print(text, file=self._out, flush=True)

    def stop(self) -> None: ...


class Rate:
    """Steps a second, compiling left out: counted from the first report."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def __call__(self, step: int) -> float:
        now = monotonic()
        if self._first is None:
            self._first = (step, now)
        done, since = step - self._first[0], now - self._first[1]
        return done / since if since > 0 else 0.0


def progress(out: IO[str] | None = None) -> Progress:
    """The form that suits where the text goes, standard error unless told otherwise."""
    target: IO[str] = sys.stderr if out is None else out
    return Bar(target) if target.isatty() else Lines(target)


def shown_by(wanted: bool | Progress) -> Progress:
    """What a caller's `progress` stands for: nothing, the form that suits, or their own."""
    if isinstance(wanted, bool):
        return progress() if wanted else Silent()
    return wanted


def _pace(rate: float) -> str:
    """Nothing before there is a rate; two digits of a slow one."""
    if not rate:
        return ""
    return f"  {rate:,.0f} steps/s" if rate >= 10 else f"  {rate:.2g} steps/s"


def _short(values: Mapping[str, float]) -> str:
    shown = {
        n: v
        for n, v in values.items()
        if n.rpartition(".")[2] in ("loss", "valid") or n.startswith("valid.log_p")
    }
    return "  ".join(f"{name} {value:.4g}" for name, value in shown.items())

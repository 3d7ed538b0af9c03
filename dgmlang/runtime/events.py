"""What training measured, in a folder of its own: JSON lines, and TensorBoard's event files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dgmlang.compiler.diagnostics.codes import runs as run_codes
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime.metrics import Log, Record


class Events:
    """A callback of a fit: each number of a record is a scalar under its name, at its step.

    Files are made with the first record, so that a fit that is refused leaves none. `before` are
    the records of a resumed run, which the event files have already.
    """

    def __init__(self, folder: Path, before: Sequence[Record], lines: bool) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise DgmError(codes.no_event_writer()) from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
            reason = None if os.access(folder, os.W_OK) else "permission denied"
        except OSError as error:
            reason = (error.strerror or "the system refused").lower()
        if reason is not None:
            raise DgmError(run_codes.unwritable(str(folder), reason))
        self._folder, self._before, self._lines = folder, before, lines
        self._begin = SummaryWriter
        self._writer: Any = None
        self._log: Log | None = None

    def __call__(self, record: Record) -> None:
        if self._writer is None:
            self._writer = self._begin(str(self._folder))
            self._log = Log(self._folder, self._before) if self._lines else None
        for name, value in record.values.items():
            self._writer.add_scalar(name, value, record.step)
        if self._log is not None:
            self._log.add(record)

    def close(self) -> None:
        """Write what is still held in memory."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def events(
    folder: str | Path | None, out: str | Path | None = None, before: Sequence[Record] = ()
) -> Iterator[tuple[Events, ...]]:
    """The callbacks that `log_dir` asks for, closed at the end whatever happens.

    Where `folder` is the run folder `out`, that has the JSON lines.
    """
    if folder is None:
        yield ()
        return
    lines = out is None or Path(out).resolve() != Path(folder).resolve()
    writer = Events(Path(folder), before, lines)
    try:
        yield (writer,)
    finally:
        writer.close()

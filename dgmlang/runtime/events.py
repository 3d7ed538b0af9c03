"""What training measured as TensorBoard event files, by tensorboardX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgmlang.compiler.diagnostics.codes import runs as run_codes
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime.metrics import Record


class Events:
    """A callback of a fit: each number of a record is a scalar under its name, at its step."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise DgmError(codes.no_event_writer()) from error
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            reason = (error.strerror or "the system refused").lower()
            raise DgmError(run_codes.unwritable(str(folder), reason)) from error

    def __call__(self, record: Record) -> None:
        for name, value in record.values.items():
            self._writer.add_scalar(name, value, record.step)

    def close(self) -> None:
        """Write what is still held in memory."""
        self._writer.close()


@contextmanager
def events(folder: str | Path | None) -> Iterator[tuple[Events, ...]]:
    """The callbacks that `log_dir` asks for, closed at the end whatever happens."""
    if folder is None:
        yield ()
        return
    writer = Events(Path(folder))
    try:
        yield (writer,)
    finally:
        writer.close()

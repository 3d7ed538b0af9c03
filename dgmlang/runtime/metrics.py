"""What training measured: records in memory and as JSON lines in `metrics.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime import checkpoint

NAME = "metrics.jsonl"


@dataclass(frozen=True)
class Record:
    """Means over the steps since the record before; `valid` where held-out data were looked at."""

    step: int
    values: Mapping[str, float]

    def line(self) -> str:
        """The record as one line of JSON; what is not finite becomes null, as JSON asks."""
        finite = {n: v if abs(v) < float("inf") else None for n, v in self.values.items()}
        return json.dumps({"step": self.step, **finite})


def records(training: Mapping[str, Any]) -> tuple[Record, ...]:
    """The records that a run folder's `training` holds."""
    return tuple(Record(step, values) for step, values in training["history"])


class Log:
    """Appends to `metrics.jsonl`; begins with the records of the steps before."""

    def __init__(self, folder: Path, before: Iterable[Record]) -> None:
        self.path = folder / NAME
        text = "".join(f"{record.line()}\n" for record in before)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            checkpoint.write(self.path, lambda out: out.write(text.encode()))
        except OSError as error:
            reason = error.strerror or "the system refused"
            raise DgmError(codes.unwritable(str(self.path), reason.lower())) from error

    def add(self, record: Record) -> None:
        """One more line."""
        with self.path.open("a", encoding="utf-8") as out:
            out.write(f"{record.line()}\n")
